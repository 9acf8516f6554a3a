"""Finding scorers: entry points of installed packages, and files."""

import hashlib
import importlib.util
import inspect
import os
import re
import sys
import typing
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from prunebench.errors import PrunebenchError, RequestError, in_words, unknown_name
from prunebench.plugin.frames import place
from prunebench.plugin.imported import Recorded
from prunebench.plugin.spec import NAME, build, parse_spec, split_file
from prunebench.scoring.scorer import Scorer

GROUP = "prunebench.scorers"
OWN = "prunebench"
# Scorers and distributions that are left out: a comma-separated list, or `all` for every other package.
DISABLE = "PRUNEBENCH_DISABLE_PLUGINS"


class PluginError(PrunebenchError):
    """A plugin is broken; the message names where it comes from and what is wrong with it."""


@dataclass(frozen=True)
class Plugin:
    """A scorer that can be loaded.

    Attributes:
        name: what the command line calls it.
        origin: the distribution and version, or the file, that it comes from.
        load: imports and returns the class; whatever the import raises passes through.
        own: whether it comes with prunebench.
        rivals: origins of other packages that register the same name and are left out.
    """

    name: str
    origin: str
    load: Callable[[], Any]
    own: bool = False
    rivals: tuple[str, ...] = ()


# The scorers in a file, which is imported somewhere: their names by the names of their classes.
NamesIn = Callable[[str | Path], Mapping[str, str]]


def names_in_file(file: str | Path) -> dict[str, str]:
    """Names of the scorers in a file, by their classes'; the file is imported."""
    return {cls.__name__: cls.name for cls in load_file(file)}


def discover(files: Iterable[str | Path] = (), names_in: NamesIn = names_in_file) -> dict[str, Plugin]:
    """All scorers by name. Nothing is imported but what `names_in` imports: a broken package costs nothing.

    A name that several packages register is prunebench's own, else the first one's in the alphabet. Files
    were asked for: `RequestError` for one that does not load, or with a name that another scorer has.
    """
    found: dict[str, Plugin] = {}
    for distribution, origin, point in sorted(
        _entry_points(), key=lambda entry: (entry[0] != OWN, *entry[:2])
    ):
        plugin = Plugin(point.name, origin, point.load, own=distribution == OWN)
        first = found.setdefault(plugin.name, plugin)
        if first.origin != origin:
            found[plugin.name] = replace(first, rivals=(*first.rivals, origin))
    for file in {check_file(file).resolve(): file for file in files}.values():
        for name in names_in(file).values():
            if name in found:
                raise RequestError("--plugin", str(file), _taken(name, found[name].origin))
            found[name] = Plugin(name, str(file), partial(_class_in_file, file, name))
    return dict(sorted(found.items()))


def split_spec(spec: str, names_in: NamesIn = names_in_file) -> tuple[list[str], str]:
    """The file of a spec such as `my_idea.py:MyIdea[alpha=0.3]`, if it has one, and the spec with the name.

    Class and name are both taken. `RequestError`: the file does not load, or has no such scorer.
    """
    file, rest = split_file(spec)
    if spec.endswith(".py"):
        raise RequestError("--scorer", spec, f"name the class in it: {spec}:Class")
    if file is None:
        return [], spec
    called, _ = parse_spec(rest)
    names = names_in(file)
    name = names.get(called, called)
    if name not in names.values():
        there = unknown_name("--scorer", called, names, f"scorers in {file}")
        raise RequestError("--scorer", spec, there.accepted)
    return [file], name + rest.removeprefix(called)


def require(name: str, known: Mapping[str, Plugin]) -> Plugin:
    """The plugin called `name`; `RequestError` where there is none."""
    if name in known:
        return known[name]
    if _is_disabled(name, None):
        raise RequestError("--scorer", name, f"it is disabled by {DISABLE}")
    raise unknown_name("--scorer", name, known, "scorers")


def load_class(name: str, files: Iterable[str | Path] = ()) -> type[Scorer]:
    """The scorer class called `name`. `RequestError`: an unknown name; `PluginError`: it does not load."""
    plugin = require(name, discover(files))
    where = f"the plugin from {plugin.origin}"
    try:
        cls = plugin.load()
    except (Exception, SystemExit) as error:
        why = in_words(error, place(error, None))
        raise PluginError(f"{where} does not load: {why}") from error
    if not (inspect.isclass(cls) and issubclass(cls, Scorer)):
        raise PluginError(f"{where} is not a prunebench.Scorer class: entry point {name!r} gives {cls!r}")
    if (called := getattr(cls, "name", None)) != name:
        raise PluginError(f"{where} registers {name!r}, a class whose name is {called!r}; the two must agree")
    if problem := _problem(cls):
        raise PluginError(f"{where}: {problem}")
    return cls


def load_scorer(spec: str, files: Iterable[str | Path] = ()) -> Scorer:
    """The scorer for a spec: `alignment`, `imp[sparsity=0.5]` or `my_idea.py:MyIdea[alpha=0.3]`.

    Scorers come from packages, from `files`, and from the file that the spec names. A file is imported once
    in a process, as Python does it.
    """
    own, spec = split_spec(spec)
    name, parameters = parse_spec(spec)
    return build(load_class(name, [*files, *own]), parameters, spec)


def load_file(file: str | Path) -> list[type[Scorer]]:
    """The scorer classes in a file. `RequestError`: no such file, or it does not load or has none."""
    file = check_file(file)
    module_name = f"prunebench_file_{hashlib.sha256(str(file.resolve()).encode()).hexdigest()[:12]}"
    if module_name not in sys.modules:
        loader = Recorded(module_name, os.path.abspath(file))  # tracebacks show its lines from any folder
        spec = importlib.util.spec_from_file_location(module_name, file, loader=loader)
        assert spec is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[module_name] = module
        try:
            loader.exec_module(module)
        except (Exception, SystemExit) as error:
            del sys.modules[module_name]
            why = in_words(error, place(error, None))
            raise RequestError("--plugin", str(file), f"it does not load: {why}") from error
    found = [
        cls
        for cls in vars(sys.modules[module_name]).values()
        if inspect.isclass(cls)
        and issubclass(cls, Scorer)
        and cls.__module__ == module_name
        and getattr(cls, "name", None) is not None
    ]
    classes: list[type[Scorer]] = list(dict.fromkeys(found))  # a class may have more names than one
    if not classes:
        accepted = "it has no scorer: a class that derives from prunebench.Scorer and has a name is needed"
        raise RequestError("--plugin", str(file), accepted)
    for cls in classes:
        if problem := _problem(cls):
            raise RequestError("--plugin", str(file), problem)
    named = Counter(cls.name for cls in classes)
    if twice := [cls.__name__ for cls in classes if named[cls.name] > 1]:
        raise RequestError("--plugin", str(file), f"give each of its classes {', '.join(twice)} its own name")
    return classes


def check_file(file: str | Path) -> Path:
    """The path of a plugin file; `RequestError` where it is no Python file."""
    path = Path(file)
    if path.suffix != ".py" or not path.is_file():
        raise RequestError("--plugin", str(file), "a Python file (.py) that exists is needed")
    return path


def _class_in_file(file: str | Path, name: str) -> type[Scorer]:
    return next(cls for cls in load_file(file) if cls.name == name)


def _problem(cls: Any) -> str | None:
    """What a class lacks to name its results and to be built from a spec."""
    if not (isinstance(cls.name, str) and re.fullmatch(NAME, cls.name)):
        return f"name = {cls.name!r}; a letter, then letters, digits, _, - and ."
    if not isinstance(cls.version, str):
        return f"version = {cls.version!r}; a text such as '1' is needed"
    try:
        cls.parameters()
        typing.get_type_hints(cls)
    except Exception as error:
        return f"the parameters of {cls.name} are no fields: {error}"
    return None


def _taken(name: str, origin: str) -> str:
    leave_out = "" if origin.endswith(".py") else f", or leave the other out with {DISABLE}={name}"
    return f"its name {name!r} is taken by {origin}; rename it{leave_out}"


def _entry_points() -> Iterator[tuple[str, str, EntryPoint]]:
    """Distribution, origin and entry point of every installed scorer that is not disabled."""
    for point in entry_points(group=GROUP):
        try:
            distribution = str(point.dist.name) if point.dist else ""
            origin = f"{distribution} {point.dist.version}" if point.dist else "unknown distribution"
        except Exception:  # metadata that cannot be read must not take the others down
            distribution, origin = "", "a distribution without readable metadata"
        if not _is_disabled(point.name, distribution):
            yield distribution, origin, point


def _is_disabled(name: str, distribution: str | None) -> bool:
    listed = {item.strip() for item in os.environ.get(DISABLE, "").split(",")}
    return name in listed or distribution in listed or ("all" in listed and distribution not in (OWN, None))
