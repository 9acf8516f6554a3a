"""What everything that is plugged in has: a name, a version, the paper it comes from, and parameters."""

import inspect
from abc import ABC
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import Field, dataclass, fields, is_dataclass, replace
from functools import cache
from typing import Any, ClassVar, Self, TypeVar

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

    def __new__(cls, *given: object, **named: object) -> Self:
        """An instance; the class becomes a dataclass first where its author left the decorator out."""
        parameters = cls.parameters()
        positions = [field.name for field in parameters if not field.kw_only]
        names = [field.name for field in parameters]
        for other in (*given[len(positions) :], *(name for name in named if name not in names)):
            accepted = f"its parameters are its fields: {', '.join(names) or 'it has none'}"
            raise RequestError(_called(cls), other, accepted)
        _typed(cls, dict(zip(positions, given, strict=False)) | named)  # before the class's code sees them
        return super().__new__(cls)

    @classmethod
    def parameters(cls) -> "tuple[Field[Any], ...]":
        """The parameters, as dataclass fields; the base of a kind has none, and stays what it is.

        `RequestError`: the class, or a base of it, is made with something else.
        """
        if Plugin in cls.__bases__ and not _has_fields(cls):
            return ()
        _as_dataclass(cls)
        _check_inits(cls)
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
        name: convert(f"{_called(cls)}[{name}]", value, known[name])
        for name, value in values.items()
        if name in known and kind_of(known[name]) is not None
    }


@cache
def _check_inits(cls: type[Plugin]) -> None:
    """`RequestError`: an `__init__` takes what is no field, and results are named by fields alone.

    Those of bases count: where a derived class is made a dataclass, they would not be called. What
    `**others` of one stand for shows when an instance is made.
    """
    known = {field.name for base in cls.__mro__ if is_dataclass(base) for field in fields(base) if field.init}
    for base in cls.__mro__:
        if issubclass(base, Plugin) and "__init__" in vars(base):
            _, *taken = inspect.signature(vars(base)["__init__"]).parameters.values()
            for each in taken:
                if each.name not in known and each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD):
                    accepted = f"declare it as a field of the class, as in {each.name}: float = 1.0"
                    raise RequestError(f"{_called(cls)}.__init__", each.name, accepted)


def _called(cls: type) -> str:
    """What messages call a class."""
    return str(getattr(cls, "name", cls.__name__))


def _as_dataclass(cls: type) -> None:
    """Make it one where its author left the decorator out."""
    if "__dataclass_fields__" not in vars(cls):
        inherited = getattr(cls, "__dataclass_params__", None)
        dataclass(frozen=inherited is not None and inherited.frozen)(cls)


def _has_fields(base: type) -> bool:
    """Whether a base class would be given fields as a dataclass."""
    hints = inspect.get_annotations(base) if issubclass(base, Plugin) else {}
    return any("ClassVar" not in str(hint) for hint in hints.values())
