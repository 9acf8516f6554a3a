"""Files to start from: a plugin, its test, and a package around them."""

import keyword
import re
import sys
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

import click

from prunebench.errors import RequestError

if TYPE_CHECKING:
    from prunebench.plugin.kind import PluginKind


def write(kind: "PluginKind[Any]", name: str, package: bool, *, parameter: str, run: str) -> None:
    """Write a plugin of a kind, or a package of it, into this folder.

    `parameter`: as its test sets it; `run`: a command that uses it. `RequestError`: a name that cannot be.
    """
    cls = "".join(part[:1].upper() + part[1:] for part in name.split("_"))
    fits = re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{,99}", name)
    if not fits or keyword.iskeyword(name) or keyword.iskeyword(cls):
        raise RequestError("NAME", name, "a Python name such as my_idea, of at most 100 letters, is needed")
    targets = _package(name, kind.noun) if package else _files(name, kind.noun)
    for path in targets:
        if path.exists():
            raise RequestError("NAME", name, f"{path} exists and is not overwritten; take another name")
    _refuse_taken(kind, name)
    values = {
        "name": name,
        "cls": cls,
        "title": cls if cls == name else name.replace("_", " ").strip().capitalize(),
        "module": f"prunebench_{name}" if package else name,
        "distribution": _distribution(name),
        "noun": kind.noun,
        "base": kind.base.rpartition(":")[2],
        "parameter": parameter,
        "run": run,
    }
    for path, template in targets.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8") as file:
                text = (files("prunebench.cli") / "templates" / f"{template}.txt").read_text("utf-8")
                file.write(Template(text).substitute(values))
        except OSError as error:
            raise RequestError("NAME", name, f"{path} cannot be written: {error.strerror}") from error
        click.echo(path)


def _files(name: str, noun: str) -> dict[Path, str]:
    return {Path(f"{name}.py"): f"{noun}.py", Path(f"test_{name}.py"): "test.py"}


def _package(name: str, noun: str) -> dict[Path, str]:
    """Where each file of the package goes, and its template."""
    folder = Path(_distribution(name))
    return {
        folder / "pyproject.toml": "pyproject.toml",
        folder / "README.md": "README.md",
        folder / "src" / f"prunebench_{name}.py": f"{noun}.py",
        folder / "tests" / f"test_{name}.py": "test.py",
        folder / "tests" / f"test_{name}_installed.py": "test_installed.py",
    }


def _distribution(name: str) -> str:
    return f"prunebench-{re.sub('_+', '-', name).strip('-').lower()}"


def _refuse_taken(kind: "PluginKind[Any]", name: str) -> None:
    """A name that none can have, another plugin's, and a module's that the new file would hide."""
    import importlib.util

    from prunebench.plugin.registry import Registry

    if problem := kind.problem_of_name(name):
        raise RequestError("NAME", name, problem)
    if name in (known := Registry(kind).plugins):
        raise RequestError("NAME", name, f"it is taken by {known[name].origin}")
    if name in sys.stdlib_module_names or importlib.util.find_spec(name) is not None:
        raise RequestError("NAME", name, f"{name}.py would hide the module {name}")
