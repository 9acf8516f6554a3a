"""Other people's plugins in processes of their own: one that hangs, exits or crashes harms no other."""

import os
from collections.abc import Iterable
from dataclasses import MISSING, field, make_dataclass
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import msgspec

from prunebench.errors import PrunebenchError, RequestError
from prunebench.plugin.description import Description, describe
from prunebench.plugin.kind import PluginKind
from prunebench.plugin.plugin import P, Plugin
from prunebench.plugin.process import Answer, Lost, PluginProcess
from prunebench.plugin.registry import PluginError, Registration, Registry, check_file
from prunebench.plugin.source import CHANGED, source_hash
from prunebench.plugin.spec import canonical, parse_spec

# A plugin that takes longer than this to import is broken; time limits of plugins begin after it.
LOAD_SECONDS = 60.0
_hash_of = cache(source_hash)  # thousands are asked for, and a class, once loaded, stays what it is


class StandIn(Plugin):
    """Has a plugin's name, parameters and source; what is asked of it, the process of its code is asked.

    Derived classes, which derive from the kind's base class too, are made by `Isolation`.

    Class attributes:
        isolation: what asks the process.
        origin_source: hash of the code that it stands for.
        problem: why there is nothing to be asked: the plugin does not load.
    """

    isolation: "ClassVar[Isolation[Any]]"
    origin_source: ClassVar[str]
    problem: ClassVar[str | None]


class Isolation(Registry[P]):
    """Finds and loads plugins; each file and package of others runs in a process of its own, never here.

    What is loaded are stand-ins: one that hangs, exits or crashes has failed. Plugins of prunebench itself
    are run here, unless there is a time limit. Close it, or use it in a `with` statement, to end the
    processes.

    Args:
        kind: of plugins.
        timeout: seconds for whatever a plugin is asked; it is stopped when they are over.
        files: files that plugins come from (`--plugin`). `RequestError` for one that is not there.

    Attributes:
        problems: a line for each package's plugin that was found to be broken so far; it is left out.
    """

    def __init__(
        self, kind: PluginKind[P], timeout: float | None = None, files: Iterable[str | Path] = ()
    ) -> None:
        super().__init__(kind, files)
        self.timeout = timeout
        self.problems: list[str] = []
        self.process = PluginProcess(kind.server)

    def names_in(self, file: str) -> dict[str, str]:
        """Names of the plugins in a file, by their classes'; its process imports it."""
        check_file(file)
        try:
            return dict(self._ask("names", LOAD_SECONDS, file, [], file=file)["names"])
        except RequestError:
            raise
        except PrunebenchError as error:
            raise RequestError("plugin", file, f"it does not load: {error}") from error

    def require(self, name: str) -> Registration:
        """The plugin called `name`; `RequestError` where there is none. The others of its name are noted."""
        plugin = super().require(name)
        for rival in plugin.rivals:
            left_out = f"the plugin {rival} is left out: its name {name!r} is taken by {plugin.origin}"
            self.note(f"{left_out}; rename it")
        return plugin

    def describe(self, name: str) -> Description:
        """What the class called `name` is. `RequestError`: an unknown name. `PluginError`: it is broken."""
        return self._described("describe", self.require(name), name=name)

    def load_class(self, name: str) -> type[P]:
        """One of prunebench's own; code of others is not loaded here."""
        assert self.require(name).own
        return super().load_class(name)

    def load(self, spec: str) -> P:
        """The plugin for a spec. One whose package is broken is noted, and fails when it is asked.

        `RequestError`: a spec that cannot be read, an unknown name or parameter, a file that does not load.
        """
        spec = self.named(spec)
        plugin = self.require(parse_spec(spec, self.kind.noun)[0])
        try:
            if not plugin.own:
                return self._stand_in(self._described("load", plugin, spec=spec))
            own = self.build(spec)
            return own if self.timeout is None else self._stand_in(describe(self.kind, own))
        except PluginError as error:
            self.note(str(error))
            name = spec.replace(" ", "")
            return self._stand_in(Description(name, "1", "", "", {}, [], {}, {}), problem=str(error))

    def prepare(self, plugin: StandIn) -> None:
        """Have its process import a plugin, if it has not: that is not the plugin's time.

        Raises as `ask`, and `PluginError` for one that does not load.
        """
        if plugin.problem is not None:
            raise PluginError(plugin.problem)
        self.process.start()
        if plugin.name not in self.process.loaded:
            known = self.plugins[plugin.name]
            found = self._ask("describe", LOAD_SECONDS, known.origin, known.files, name=plugin.name)
            if found["source"] != plugin.origin_source:
                raise PrunebenchError(CHANGED)
            self.process.loaded.add(plugin.name)

    def ask(self, do: str, plugin: StandIn, folder: Path | None = None, **arguments: Any) -> Answer:
        """The answer of a plugin that was prepared. Raises as `PluginProcess.ask`."""
        known, said = self.plugins[plugin.name], {"spec": canonical(plugin), "source": plugin.origin_source}
        return self._ask(do, self.timeout, known.origin, known.files, folder, **said, **arguments)

    def close(self) -> None:
        """End the processes."""
        self.process.stop()

    def __enter__(self) -> "Isolation[P]":
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def _ask(
        self,
        do: str,
        timeout: float | None,
        origin: str,
        files: list[str],
        folder: Path | None = None,
        **arguments: Any,
    ) -> Answer:
        """Ask the process of a file, however its path is written, or of a package."""
        origin = os.path.realpath(origin) if origin.endswith(".py") else origin
        return self.process.ask(do, timeout, folder, origin=origin, files=files, **arguments)

    def _stand_in(self, described: Description, problem: str | None = None) -> P:
        """What stands for the plugin described."""
        parameters = [
            (name, Any, field(default=described.defaults.get(name, MISSING), kw_only=True))
            for name in described.parameters
        ]
        own = {"isolation": self, "origin_source": described.source, "problem": problem}
        said = {key: getattr(described, key) for key in ("name", "version", "paper")} | described.flags
        bases = StandIn, self.kind.base_class
        cls: Any = make_dataclass("StandIn", parameters, bases=bases, namespace=own | said, frozen=True)
        cls.__abstractmethods__ = frozenset()  # its process has what the base class leaves to others
        made: P = cls(**described.values)
        return made

    def _described(self, do: str, plugin: Registration, **arguments: Any) -> Description:
        """What its process says of a plugin; `PluginError` where it says nothing."""
        try:
            found = self._ask(do, LOAD_SECONDS, plugin.origin, plugin.files, **arguments)
        except Lost as lost:
            raise PluginError(f"the plugin from {plugin.origin} does not load: {lost}") from lost
        except RequestError:
            raise
        except PrunebenchError as error:
            raise PluginError(str(error)) from error
        self.process.loaded.add(plugin.name)
        return msgspec.convert(found, Description)

    def note(self, problem: str) -> None:
        """Keep a line for the user, once."""
        if problem not in self.problems:
            self.problems.append(problem)


def source_of(plugin: Plugin) -> str:
    """The hash of the code that a plugin is, wherever it runs."""
    return plugin.origin_source if isinstance(plugin, StandIn) else _hash_of(type(plugin))
