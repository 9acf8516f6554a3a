"""What other processes need to know of a plugin, as JSON has it."""

import inspect
from dataclasses import MISSING, dataclass, field
from numbers import Integral
from typing import Any

from prunebench.fields import annotations, kind_of
from prunebench.plugin.kind import PluginKind
from prunebench.plugin.plugin import Plugin
from prunebench.plugin.source import source_hash
from prunebench.plugin.spec import signature

Value = None | bool | int | float | str


@dataclass(frozen=True)
class Description:
    """A plugin, or the class of one.

    Attributes:
        source: hash of its code.
        flags: those of its kind; of a class, those that hold for all parameters.
        parameters: names of the parameters, in order.
        defaults: of the parameters that have one.
        values: of the parameters; none of a class.
        accepted: what a parameter takes, in words, where its type says.
        doc: its docstring.
    """

    name: str
    version: str
    paper: str
    source: str
    flags: dict[str, bool | int]
    parameters: list[str]
    defaults: dict[str, Value]
    values: dict[str, Value]
    accepted: dict[str, str] = field(default_factory=dict)
    doc: str = ""

    @property
    def signature(self) -> str:
        """The parameters, with their defaults."""
        return signature({name: self.defaults.get(name, MISSING) for name in self.parameters})


def describe(kind: PluginKind[Any], plugin: Plugin | type[Plugin]) -> Description:
    """What this is."""
    cls = plugin if isinstance(plugin, type) else type(plugin)
    flags = {flag: getattr(plugin, flag) for flag in kind.flags}
    defaults = {field.name: field.default for field in cls.parameters()}
    return Description(
        cls.name,
        plugin.version,
        str(cls.paper),
        source_hash(cls),
        {
            flag: bool(value) if isinstance(value, bool) or not isinstance(value, Integral) else int(value)
            for flag, value in flags.items()
            if not isinstance(value, property)
        },
        list(defaults),
        {key: as_json(value) for key, value in defaults.items() if value is not MISSING},
        {} if plugin is cls else {key: as_json(getattr(plugin, key)) for key in defaults},
        {key: said.accepted for key in defaults if (said := kind_of(annotations(cls)[key]))},
        _doc(cls),
    )


def _doc(cls: type) -> str:
    """Empty where only dataclasses wrote one: `MyIdea(alpha: float = 0.5)`."""
    doc = vars(cls).get("__doc__") or ""
    return "" if doc.startswith(f"{cls.__name__}(") else inspect.cleandoc(doc)


def as_json(value: object) -> Value:
    """A parameter's value; those that no spec can give are kept as text."""
    return value if value is None or isinstance(value, bool | int | float | str) else repr(value)
