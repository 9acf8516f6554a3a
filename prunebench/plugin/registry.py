"""Finding plugins: entry points of installed packages, and files."""

import contextlib
import hashlib
import importlib.util
import inspect
import os
import re
import sys
import typing
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.metadata import Distribution, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, Generic

from prunebench.errors import PrunebenchError, RequestError, check_type, in_words, unknown_name
from prunebench.plugin.frames import place
from prunebench.plugin.imported import RecordingLoader
from prunebench.plugin.kind import PluginKind
from prunebench.plugin.plugin import P, Plugin
from prunebench.plugin.spec import NAME, build, parse_spec, split_file

OWN = "prunebench"
# Begins the names of modules that are files of plugins.
_OF_FILE = "prunebench_file_"
# Plugins and distributions that are left out: a comma-separated list, or `all` for every other package.
DISABLE = "PRUNEBENCH_DISABLE_PLUGINS"


class PluginError(PrunebenchError):
    """A plugin is broken; the message names where it comes from and what is wrong with it."""


@dataclass(frozen=True)
class Registration:
    """A plugin that can be loaded.

    Attributes:
        name: what the command line calls it.
        origin: the distribution and version, or the file, that it comes from.
        point: its entry point; None for one in a file.
        own: whether it comes with prunebench.
        rivals: origins of other packages that register the same name and are left out.
    """

    name: str
    origin: str
    point: Any = None  # an `EntryPoint`, of the standard library or of its backport
    own: bool = False
    rivals: tuple[str, ...] = ()

    @property
    def files(self) -> list[str]:
        """The files that a process needs to find it."""
        return [self.origin] if self.point is None else []


class Registry(Generic[P]):
    """Finds plugins of a kind by their names, and loads them into this process.

    Args:
        kind: of plugins.
        files: files that they come from too (`--plugin`). `RequestError` for one that is not there.
    """

    def __init__(self, kind: PluginKind[P], files: Iterable[str | Path] = ()) -> None:
        self.kind = kind
        self.files = [str(file) for file in files if check_file(file)]

    @cached_property
    def plugins(self) -> dict[str, Registration]:
        """All by name. Nothing is imported but the files: a broken package costs nothing.

        A name that several packages register is prunebench's own, else the first one's in the alphabet. Files
        were asked for: `RequestError` for one that does not load, or with a name that another plugin has.
        """
        found: dict[str, Registration] = {}
        for distribution, origin, point in sorted(
            _entry_points(self.kind.group), key=lambda entry: (entry[0] != OWN, *entry[:2])
        ):
            plugin = Registration(point.name, origin, point, own=distribution == OWN)
            first = found.setdefault(plugin.name, plugin)
            if first.origin != origin:
                found[plugin.name] = replace(first, rivals=(*first.rivals, origin))
        for file in {check_file(file).resolve(): file for file in self.files}.values():
            for name in self.names_in(file).values():
                if name in found:
                    raise RequestError("plugin", file, _taken(name, found[name].origin))
                found[name] = Registration(name, file)
        return dict(sorted(found.items()))

    def names_in(self, file: str) -> Mapping[str, str]:
        """Names of the plugins in a file, by their classes'; the file is imported."""
        return {cls.__name__: cls.name for cls in self._load_file(file)}

    def require(self, name: str) -> Registration:
        """The plugin called `name`; `RequestError` where there is none."""
        if name in self.plugins:
            return self.plugins[name]
        if _is_disabled(name, None):
            raise RequestError(self.kind.noun, name, f"it is disabled by {DISABLE}")
        raise unknown_name(self.kind.noun, name, self.plugins, f"{self.kind.noun}s")

    def load_class(self, name: str) -> type[P]:
        """The class called `name`. `RequestError`: an unknown name; `PluginError`: it does not load."""
        plugin, base = self.require(name), self.kind.base_class
        where = f"the plugin from {plugin.origin}"
        try:
            if plugin.point is None:
                return next(cls for cls in self._load_file(plugin.origin) if cls.name == name)
            cls: Any = plugin.point.load()
        except (Exception, SystemExit) as error:
            why = in_words(error, place(error, None))
            raise PluginError(f"{where} does not load: {why}") from error
        if not (inspect.isclass(cls) and issubclass(cls, base)):
            wrong = f"entry point {name!r} gives {cls!r}"
            raise PluginError(f"{where} is not a prunebench.{base.__name__} class: {wrong}")
        if (called := getattr(cls, "name", None)) != name:
            raise PluginError(
                f"{where} registers {name!r}, a class whose name is {called!r}; the two must agree"
            )
        if found := problem(self.kind, cls):
            raise PluginError(f"{where}: {found}")
        return cls

    def load(self, spec: str) -> P:
        """The plugin for a spec: `imp[sparsity=0.5]`, or `my_idea.py:MyIdea[alpha=0.3]`.

        `RequestError`: a spec that cannot be read, an unknown name or parameter, a file that does not load.
        """
        return self.build(self.named(spec))

    def build(self, spec: str) -> P:
        """The plugin for a spec that names no file."""
        name, parameters = parse_spec(spec, self.kind.noun)
        return build(self.load_class(name), parameters, spec, self.kind.noun)

    def named(self, spec: str) -> str:
        """A spec with the plugin's name alone: the file that it names is one of ours from now on.

        The class in the file may be called by its own name, too. `RequestError`: the file does not load, or
        has no such plugin.
        """
        noun = self.kind.noun
        check_type(noun, spec, str, "a name as a text is needed")
        file, rest = split_file(spec)
        if spec.endswith(".py"):
            raise RequestError(noun, spec, f"name the class in it: {spec}:Class")
        if file is None:
            return spec
        called, _ = parse_spec(rest, noun)
        names = self.names_in(file)
        name = names.get(called, called)
        if not names:
            raise RequestError(noun, spec, f"there is no {noun} in {file}")
        if name not in names.values():
            there = unknown_name(noun, called, names, f"{noun}s in {file}")
            raise RequestError(noun, spec, there.accepted)
        if file not in self.files:
            self.files.append(file)
            self.__dict__.pop("plugins", None)
        return name + rest.removeprefix(called)

    def _load_file(self, file: str) -> list[type[P]]:
        """The classes of this kind in a file.

        `RequestError`: no such file, or it does not load or has no plugin of any kind.
        """
        module, base = import_file(file), self.kind.base_class
        found: list[Any] = [
            cls
            for cls in vars(module).values()
            if inspect.isclass(cls)
            and issubclass(cls, Plugin)
            and cls.__module__ == module.__name__
            and getattr(cls, "name", None) is not None
        ]
        if not found:
            needed = f"a class that derives from prunebench.{base.__name__} and has a name is needed"
            raise RequestError("plugin", file, f"it has no {self.kind.noun}: {needed}")
        # A class may have more names than one.
        classes: list[type[P]] = [cls for cls in dict.fromkeys(found) if issubclass(cls, base)]
        for cls in classes:
            if wrong := problem(self.kind, cls):
                raise RequestError("plugin", file, wrong)
        named = Counter(cls.name for cls in classes)
        if twice := [cls.__name__ for cls in classes if named[cls.name] > 1]:
            raise RequestError("plugin", file, f"give each of its classes {', '.join(twice)} its own name")
        return classes


def check_file(file: str | Path) -> Path:
    """The path of a plugin file; `RequestError` where it is no Python file."""
    path = Path(file)
    if path.suffix != ".py" or not path.is_file():
        raise RequestError("plugin", str(file), "a Python file (.py) that exists is needed")
    return path


def import_file(file: str | Path) -> ModuleType:
    """The module in a file, imported once in a process. `RequestError`: no such file, or it does not load."""
    file = check_file(file)
    name = f"{_OF_FILE}{hashlib.sha256(str(file.resolve()).encode()).hexdigest()[:12]}"
    if name not in sys.modules:
        loader = RecordingLoader(name, os.path.abspath(file))  # tracebacks show its lines from any folder
        spec = importlib.util.spec_from_file_location(name, file, loader=loader)
        assert spec is not None
        sys.modules[name] = module = importlib.util.module_from_spec(spec)
        try:
            with contextlib.chdir("."):  # it may go to another folder, where paths mean something else
                loader.exec_module(module)
        except BaseException as error:
            del sys.modules[name]  # half a module, which the next import would take for all of it
            if not isinstance(error, Exception | SystemExit):
                raise
            why = in_words(error, place(error, None))
            raise RequestError("plugin", str(file), f"it does not load: {why}") from error
    return sys.modules[name]


def file_of(cls: type[Plugin]) -> str | None:
    """The file that the class of a plugin was found in; None for those that need none to be found."""
    return inspect.getfile(cls) if cls.__module__.startswith(_OF_FILE) else None


def problem(kind: PluginKind[Any], cls: Any) -> str | None:
    """What a class lacks to name its results, to be built from a spec, and to have any."""
    if not (isinstance(cls.name, str) and re.fullmatch(NAME, cls.name)):
        return f"name = {cls.name!r}; a letter, then letters, digits, _, - and ."
    if not isinstance(cls.version, str):
        return f"version = {cls.version!r}; a text such as '1' is needed"
    if found := kind.problem_of_name(cls.name):
        return found
    try:
        cls.parameters()
        typing.get_type_hints(cls)
    except Exception as error:
        return f"the parameters of {cls.name} are no fields: {error}"
    if kind.methods and all(getattr(cls, name) is getattr(kind.base_class, name) for name in kind.methods):
        return f"{cls.__name__} overrides neither {' nor '.join(kind.methods)}"
    return None


def _taken(name: str, origin: str) -> str:
    leave_out = "" if origin.endswith(".py") else f", or leave the other out with {DISABLE}={name}"
    return f"its name {name!r} is taken by {origin}; rename it{leave_out}"


def _entry_points(group: str) -> Iterator[tuple[str, str, Any]]:
    """Distribution, origin and entry point of every installed plugin that is not disabled."""
    known: dict[int, tuple[str, str]] = {}
    for point in entry_points(group=group):
        if id(point.dist) not in known:  # it parses its metadata whenever it is asked
            known[id(point.dist)] = _named(point.dist)
        distribution, origin = known[id(point.dist)]
        if not _is_disabled(point.name, distribution):
            yield distribution, origin, point


def _named(distribution: Distribution | None) -> tuple[str, str]:
    """A distribution's name, and that with its version."""
    if distribution is None:
        return "", "unknown distribution"
    try:
        return str(distribution.name), f"{distribution.name} {distribution.version}"
    except Exception:  # metadata that cannot be read must not take the others down
        return "", "a distribution without readable metadata"


def _is_disabled(name: str, distribution: str | None) -> bool:
    listed = {item.strip() for item in os.environ.get(DISABLE, "").split(",")} - {""}
    return name in listed or distribution in listed or ("all" in listed and distribution not in (OWN, None))
