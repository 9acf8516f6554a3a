"""The code that this process has imported: its very bytes, whatever the files hold by now.

A process may live for days, in a notebook or as the worker of a cluster, and files are edited meanwhile.
Importing this module begins the record.
"""

import contextlib
import os
import sys
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

# The plugins that come with prunebench.
OWN = "prunebench_plugins"
# By the path of the file: the module that it was imported as, and the bytes.
_imported: dict[str, tuple[str, bytes]] = {}


def content(path: Path) -> bytes:
    """What was imported from a file; what is in it now, where nothing was. Raises `OSError`."""
    key = os.path.abspath(path)
    if key not in _imported:
        found, module = path.read_bytes(), _search(path)
        if module is None:
            return found
        _imported[key] = module, found  # imported unseen: from now on it is what it is taken for
    return _imported[key][1]


def module_of(path: Path) -> str:
    """The module that a file was imported as; its name, where it was not."""
    module, _ = _imported.get(os.path.abspath(path), (None, b""))
    return module or path.stem


def is_installed(path: Path) -> bool:
    """Whether a file was put where it is by an installer, and so is not edited there."""
    return bool({"site-packages", "dist-packages"} & set(path.parts))


class RecordingLoader(SourceFileLoader):
    """Imports the very bytes that it puts on record.

    Never a `.pyc` instead: that is known by its source's size and second, and an edit may keep both.
    """

    def get_code(self, fullname: str) -> CodeType:
        """The module's code."""
        found = self.get_data(self.path)
        _imported[os.path.abspath(self.path)] = fullname, found
        code: CodeType = self.source_to_code(found, self.path)
        return code


class _RecordingFinder(MetaPathFinder):
    """Finds what the other finders find, and records what the source hash of a plugin may cover."""

    def find_spec(self, fullname: str, path: Any, target: ModuleType | None = None) -> ModuleSpec | None:
        for finder in sys.meta_path:
            spec = None if finder is self else finder.find_spec(fullname, path, target)
            if spec is not None:
                loader = spec.loader
                if type(loader) is SourceFileLoader and _is_code_of_plugins(fullname, Path(loader.path)):
                    spec.loader = RecordingLoader(fullname, loader.path)
                return spec
        return None


def _is_code_of_plugins(module: str, path: Path) -> bool:
    top = module.partition(".")[0]
    return top == OWN or not (top == "prunebench" or top in sys.stdlib_module_names or is_installed(path))


def _search(path: Path) -> str | None:
    """The module that was imported from a file before this record began, or by others' loaders."""
    ends = path.stem, path.parent.name  # to look at each module's file would take long, and load lazy ones
    for name in [name for name in sys.modules if name.rpartition(".")[2] in ends]:
        if getattr(sys.modules.get(name), "__file__", None) == str(path):
            return name
    return None


def _record() -> None:
    """Record what runs already, the plugins of prunebench and the script, and all that will be imported."""
    own = [name for name in list(sys.modules) if name.partition(".")[0] == OWN]
    for name in (*own, "__main__"):
        module = sys.modules.get(name)
        file, spec = getattr(module, "__file__", None), getattr(module, "__spec__", None)
        # Of `python -m` the spec names the module that is run.
        if file is not None and _is_code_of_plugins(name if spec is None else spec.name, Path(file)):
            with contextlib.suppress(OSError):
                _imported[os.path.abspath(file)] = name, Path(file).read_bytes()
    # Where this module is loaded again, the finder from before goes: each would ask the other without end.
    others = [finder for finder in sys.meta_path if type(finder).__name__ != _RecordingFinder.__name__]
    sys.meta_path[:] = [_RecordingFinder(), *others]


_record()
