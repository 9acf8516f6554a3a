"""What a plugin is made of: results of changed code are never taken for the same."""

import ast
import hashlib
import importlib.util
import inspect
import secrets
import sys
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from itertools import accumulate
from pathlib import Path
from weakref import WeakKeyDictionary

from prunebench.plugin.imported import content, is_installed, module_of

# Of what prunebench gives plugins (networks, gradients, theory, training): raised whenever the same call
# would return other numbers. Its code is not in the hash, or each edit would make every score stale.
CONTRACT = "1"
# Why there are no results: they would stand under the hash of code that did not compute them.
CHANGED = "its code was changed after it was loaded; run again to score with the code as it is now"
_unreadable: WeakKeyDictionary[type, str] = WeakKeyDictionary()


def source_hash(cls: type) -> str:
    """Hash of the code that a plugin is written in: its module and the helpers that it imports.

    It is the hash of the code that this process has imported, even if the files have been edited since.
    Helpers are modules of the plugin's own package, and files that are not installed. prunebench itself
    counts by the version of what it gives scorers. Comments, docstrings and layout don't count. Where
    there is no file to read, as in a notebook, each class is another plugin: what it computed is never
    taken for what another one of its name would. So is each class that a function made, unless a module
    has it at its top level: what it takes from the function's variables is in no file.
    """
    codes = None
    if "<locals>" not in cls.__qualname__ or _is_of_module(cls):
        with suppress(OSError, TypeError):
            codes = codes_of(Path(inspect.getfile(cls)), cls.__module__)
    if codes is None:
        return _unreadable.setdefault(cls, secrets.token_hex(8))
    return hashlib.sha256("".join([CONTRACT, cls.__qualname__, *codes]).encode()).hexdigest()[:16]


def _is_of_module(cls: type) -> bool:
    """Whether a module's code, once run, has made this class: not a script's, which may make others yet."""
    module = None if cls.__module__ == "__main__" else sys.modules.get(cls.__module__)
    return any(value is cls for value in getattr(module, "__dict__", {}).values())


def codes_of(file: Path, module: str) -> list[str]:
    """Hashes of the code in a file that is, or will be, a module, and in its helpers. Raises `OSError`."""
    own = module.partition(".")[0]
    code, helpers = _read(content(file), file, own, module)
    codes, pending, seen = {code}, [*helpers], {file, *helpers}
    while pending:
        path = pending.pop()
        try:
            text = content(path)
        except OSError:
            codes.add(path.name)
            continue
        code, imports = _read(text, path, own, module_of(path))
        codes.add(code)
        pending += [helper for helper in imports if helper not in seen]
        seen |= set(imports)
    return sorted(codes)


def file_of_module(name: str) -> Path | None:
    """The file of a module that was not imported; nothing is imported to find it."""
    return _helper(name, own=name.partition(".")[0])


@cache
def _read(text: bytes, path: Path, own: str, module: str) -> tuple[str, tuple[Path, ...]]:
    """Hash of the code in a file, and the files of the helpers that it imports."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):  # compiled code
        return hashlib.sha256(text).hexdigest(), ()
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    parts = [name.split(".") for name in _imports(tree, package)]
    names = {name for each in parts for name in accumulate(each, "{}.{}".format)}  # `a.b` runs `a`, too
    files = {file for name in names if (file := _helper(name, own)) is not None}
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and _is_docstring(body[0]):
            body[:1] = [] if len(body) > 1 else [ast.Pass()]
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest(), tuple(files)


def _is_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(getattr(node.value, "value", None), str)


def _imports(tree: ast.Module, package: str) -> Iterator[str]:
    """Names of the modules that code imports, and of what might be one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parent = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*parent, *filter(None, [node.module])])
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _helper(name: str, own: str) -> Path | None:
    """The file of a module whose code counts; None for all others, and for names of no module."""
    top, *inner = name.split(".")
    for root in () if top == "prunebench" else _roots(top):
        if is_installed(root) and top != own:
            continue
        path = root.joinpath(*inner) if root.is_dir() else root
        for file in (path.with_suffix(".py"), path / "__init__.py", path):
            if file.is_file():
                return file
    return None


@cache
def _roots(top: str) -> tuple[Path, ...]:
    """Where a top-level package or module lives, found without importing it.

    A folder without an `__init__.py` is a package, too, and may be in several places.
    """
    if not top or top in sys.stdlib_module_names:
        return ()
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return ()
    if spec is None or not (spec.origin or ".py").endswith(".py"):
        return ()
    return tuple(map(Path, spec.submodule_search_locations or filter(None, [spec.origin])))
