"""What everything that is plugged in has: a name, a version, the paper it comes from, and parameters."""

from abc import ABC
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import Field, dataclass, fields, replace
from inspect import get_annotations
from typing import Any, ClassVar, TypeVar

from prunebench.errors import RequestError
from prunebench.fields import annotations, convert, kind_of


class Plugin(ABC):
    """The base of the classes that others derive theirs from, such as `prunebench.Scorer`.

    A subclass has a `name` and is a dataclass whose fields are its parameters (`imp[sparsity=0.5]` on the
    command line). Frozen or not is its own choice, and the decorator may be left out. Parameters are checked
    against their types when an instance is made: choices are a `Literal`, and limits
    `Annotated[float, msgspec.Meta(gt=0, lt=1)]`. `RequestError` for a value that does not fit.

    Class attributes:
        name: how the command line and the boards call it.
        version: raised whenever its results change, so that old ones are not mixed with new ones.
        paper: where the method comes from, for `prunebench list`.
    """

    name: ClassVar[str]
    version: ClassVar[str] = "1"
    paper: ClassVar[str] = ""

    def __init_subclass__(cls, **given: Any) -> None:
        """Only dataclasses hand fields down, and this class's own decorator, if any, is still to come."""
        super().__init_subclass__(**given)
        for base in reversed(cls.__mro__[1:]):
            if _has_fields(base):
                _as_dataclass(base)

    def __new__(cls, *given: object, **named: object) -> "Plugin":
        """An instance; the class becomes a dataclass first where its author left the decorator out."""
        positions = [field.name for field in cls.parameters() if not field.kw_only]
        _typed(cls, dict(zip(positions, given, strict=False)) | named)  # before the class's code sees them
        return super().__new__(cls)

    @classmethod
    def parameters(cls) -> "tuple[Field[Any], ...]":
        """The parameters, as dataclass fields; the base of a kind has none, and stays what it is."""
        if Plugin in cls.__bases__ and not _has_fields(cls):
            return ()
        _as_dataclass(cls)
        return tuple(f for f in fields(cls) if f.init)  # type: ignore[arg-type]  # a dataclass by now


P = TypeVar("P", bound=Plugin)


def changed(plugin: P, **parameters: object) -> P:
    """A new instance with other parameters."""
    made: P = replace(plugin, **parameters)  # type: ignore[type-var]  # its class is a dataclass by now
    return made


def values_of(plugin: Plugin) -> dict[str, object]:
    """Its parameters by name, as their types have them: 1.0 for 1 in a float, Python's for NumPy's."""
    values = {}
    for field in plugin.parameters():
        values[field.name] = getattr(plugin, field.name)
        with suppress(RequestError):  # the class's own code may have set it to anything
            values |= _typed(type(plugin), {field.name: values[field.name]})
    return values


def _typed(cls: type[Plugin], values: Mapping[str, object]) -> dict[str, object]:
    """Those of parameters, as their types have them. `RequestError`: one does not fit."""
    try:
        known = annotations(cls)
    except Exception:  # types that only their author's type checker finds
        return {}
    return {
        name: convert(f"{getattr(cls, 'name', cls.__name__)}[{name}]", value, known[name])
        for name, value in values.items()
        if name in known and kind_of(known[name]) is not None
    }


def _as_dataclass(cls: type) -> None:
    """Make it one where its author left the decorator out."""
    if "__dataclass_fields__" not in vars(cls):
        inherited = getattr(cls, "__dataclass_params__", None)
        dataclass(frozen=inherited is not None and inherited.frozen)(cls)


def _has_fields(base: type) -> bool:
    """Whether a base class would be given fields as a dataclass."""
    hints = get_annotations(base) if issubclass(base, Plugin) else {}
    return any("ClassVar" not in str(hint) for hint in hints.values())
