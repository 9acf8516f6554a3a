"""What the fields of a dataclass accept: said in words, checked, and read from text.

All of it comes from their annotations: int, float, bool, str, a `Literal`, or one of these `| None`.
`Annotated[int, msgspec.Meta(ge=1)]` sets limits; `title="a share"` says what it is where "a number" is too
little. What is an option besides has its help in `description`, and may be a tuple.
"""

import math
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from numbers import Integral, Real
from typing import Annotated, Any

import msgspec
from msgspec import inspect

from prunebench.errors import RequestError, did_you_mean

_NOUNS = {int: "a whole number", float: "a number", str: "a text in quotes"}
_TYPES: dict[type, type] = {
    inspect.IntType: int,
    inspect.FloatType: float,
    inspect.StrType: str,
    inspect.BoolType: bool,
    inspect.LiteralType: object,
}


@dataclass(frozen=True)
class Kind:
    """What an annotation says.

    Attributes:
        type: int, float, str or bool; object for a `Literal`.
        choices: the values of a `Literal` and of a bool.
        optional: whether None is taken too.
        limits: of a number, in words; empty where it has none.
        noun: what it is.
    """

    type: type
    choices: tuple[Any, ...]
    optional: bool
    limits: str
    noun: str

    @property
    def accepted(self) -> str:
        """What is taken, in words: `a whole number from 1 to 1,000,000 is needed`, `one of a, b`."""
        if self.type is bool:
            return "true or false"
        if self.choices:
            return f"one of {', '.join(map(written, self.choices))}"
        return " ".join(filter(None, (self.noun, self.limits, "is needed")))


@cache
def annotations(cls: type) -> Mapping[str, Any]:
    """The annotation of each field of a dataclass, by name."""
    hints = typing.get_type_hints(cls, include_extras=True)
    return {name: hints[name] for name in vars(cls)["__dataclass_fields__"] if name in hints}


@cache
def kind_of(annotation: Any) -> Kind | None:
    """What an annotation says; None where its type is none of this module's."""
    about: dict[str, str] = {}
    try:
        parts = list(_parts(inspect.type_info(annotation), about))
    except TypeError:
        return None
    found = [part for part in parts if not isinstance(part, inspect.NoneType)]
    if not found or not all(type(part) in _TYPES for part in found):
        return None
    kind = _TYPES[type(found[0])]
    choices = (True, False) if kind is bool else _choices(annotation)
    limits = _limits(found[0]) if kind in (int, float) else ""
    noun = about.get("title", _NOUNS.get(kind, ""))
    return Kind(kind, choices, len(found) < len(parts), limits, noun)


@dataclass(frozen=True)
class Option:
    """A field as command lines and study files know it.

    Attributes:
        flag: `--batch-size`, or what the annotation's `extra={"flag": ...}` says.
        annotation: of a value.
        many: whether it takes several: its field is a tuple.
        help: what it is described with.
    """

    name: str
    flag: str
    annotation: Any
    many: bool
    default: Any
    help: str


@cache
def options_of(cls: type) -> Mapping[str, Option]:
    """The fields of a dataclass as options, by name."""
    options = {}
    for name, annotation in annotations(cls).items():
        about: dict[str, str] = {}
        many = any(isinstance(p, inspect.VarTupleType) for p in _parts(inspect.type_info(annotation), about))
        flag = about.get("flag", "--" + name.replace("_", "-"))
        value = typing.get_args(_bare(annotation))[0] if many else annotation
        options[name] = Option(name, flag, value, many, getattr(cls, name), about.get("description", ""))
    return options


def check(instance: object, called: Callable[[str], str] = str) -> None:
    """Check every field of a dataclass, and keep its value as the type has it: 1.0 for 1 in a float.

    Raises `RequestError` with what the field is `called`. Where its type is none of this module's, it may
    hold anything.
    """
    cls: type = type(instance)
    for name, annotation in annotations(cls).items():
        value = getattr(instance, name)
        if kind_of(annotation) and (converted := convert(called(name), value, annotation)) is not value:
            object.__setattr__(instance, name, converted)


def convert(option: str, value: object, annotation: Any) -> Any:
    """The value as its type has it; NumPy's numbers become Python's.

    Raises `RequestError` where it does not fit. NaN and infinity fit no number that has limits.
    """
    kind = _known(annotation)
    plain: object = value
    try:
        if not isinstance(value, bool) and isinstance(value, Real):
            plain = int(value) if isinstance(value, Integral) else float(value)
        converted = msgspec.convert(plain, annotation)
    except (msgspec.ValidationError, OverflowError):
        raise _refusal(option, value, kind) from None
    if kind.limits and isinstance(converted, float) and not math.isfinite(converted):
        raise _refusal(option, value, kind)
    return converted


def read(option: str, text: str, annotation: Any) -> Any:
    """The value that a text stands for, as `written` writes it; the text itself for a type that is not known.

    Raises `RequestError` where it stands for none.
    """
    kind = kind_of(annotation)
    if kind is None:
        return text
    if kind.optional and text == "none":
        return None
    word = text.lower() if kind.type is bool else text
    for choice in kind.choices:
        if word == written(choice):
            return choice
    try:
        value = None if kind.choices else kind.type(text)
    except ValueError:
        value = None
    if value is None:
        raise _refusal(option, text, kind)
    return convert(option, value, annotation)


def accepted(annotation: Any) -> str:
    """What an annotation of a known type accepts, in words."""
    return _known(annotation).accepted


def written(value: object) -> str:
    """A value as text that `read` reads."""
    return str(value).lower() if isinstance(value, bool) or value is None else str(value)


def _refusal(option: str, value: object, kind: Kind) -> RequestError:
    near = did_you_mean(value, list(map(written, kind.choices))) if isinstance(value, str) else ""
    return RequestError(option, value, near + kind.accepted)


def _known(annotation: Any) -> Kind:
    kind = kind_of(annotation)
    if kind is None:
        raise TypeError(f"{annotation} is no type of a field")
    return kind


def _parts(info: inspect.Type, about: dict[str, str]) -> Iterator[inspect.Type]:
    """The types of a union, or the one; what is said about any of them is put into `about`."""
    if isinstance(info, inspect.Metadata):
        for key, text in ((info.extra_json_schema or {}) | (info.extra or {})).items():
            about.setdefault(key, text)
        yield from _parts(info.type, about)
    elif isinstance(info, inspect.UnionType):
        for part in info.types:
            yield from _parts(part, about)
    else:
        yield info


def _bare(annotation: Any) -> Any:
    return typing.get_args(annotation)[0] if typing.get_origin(annotation) is Annotated else annotation


def _choices(annotation: Any) -> tuple[Any, ...]:
    """Those of a `Literal` in the order in which they are written, which msgspec does not keep."""
    inner = typing.get_args(annotation)
    if typing.get_origin(annotation) is typing.Literal:
        return inner
    return next(filter(None, map(_choices, inner)), ())


def _limits(number: Any) -> str:
    least, above, most, below = map(_number, (number.ge, number.gt, number.le, number.lt))
    if least:
        return f"from {least} " + (f"to {most}" if most else f"to below {below}" if below else "up")
    if above:
        between = f"between {above} and {below}" if below else ""
        return between or f"above {above}" + (f" and up to {most}" if most else "")
    return f"up to {most}" if most else f"below {below}" if below else ""


def _number(limit: int | float | None) -> str:
    """A limit as people write it."""
    if limit is None:
        return ""
    if limit == 2**63 - 1:
        return "2^63 - 1"
    return f"{limit:,}" if isinstance(limit, int) else f"{limit:g}"
