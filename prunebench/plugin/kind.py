"""What a kind of plugin is called, and where its parts are; nothing is imported to know it."""

from dataclasses import dataclass
from functools import cached_property
from pkgutil import resolve_name
from typing import Generic

from prunebench.plugin.plugin import P


@dataclass(frozen=True)
class PluginKind(Generic[P]):
    """A kind of plugin, such as scorers.

    Attributes:
        noun: what one of them is called, in words and as an argument.
        group: the entry points by which installed packages register theirs.
        base: the class that all are derived from, as `module:Class`.
        server: the module that runs them in a process of its own: it calls `prunebench.plugin.server.serve`.
        flags: what is true or false of one of them, and other processes need to know: names of attributes.
        reserved: names that none of them can have.
        methods: a class overrides one of these at least.
    """

    noun: str
    group: str
    base: str
    server: str
    flags: tuple[str, ...] = ()
    reserved: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()

    @cached_property
    def base_class(self) -> type[P]:
        """The class that all are derived from, imported now."""
        cls: type[P] = resolve_name(self.base)
        return cls

    def problem_of_name(self, name: str) -> str | None:
        """Why nothing can be called so, where nothing can."""
        return f"the name {name!r} stands for something else; rename it" if name in self.reserved else None
