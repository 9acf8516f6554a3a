"""What the fields of a dataclass accept: said in words, checked, and read from text.

All of it comes from their annotations: int, float, bool, str, a `Literal`, or one of these `| None`.
`Annotated[int, msgspec.Meta(ge=1)]` sets limits; `title="a share"` says what it is where "a number" is too
little. What is an option besides has its help in `description`, and may be a tuple.
"""

import math
import re
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from numbers import Integral, Real
from typing import Annotated, Any, Literal, Union

import msgspec

from prunebench.errors import RequestError, did_you_mean

# Python reads `1_0` and other alphabets' digits, too.
_PLAIN_NUMBER = re.compile(r"[ -^`-~]+")
_NOUNS = {int: "a whole number", float: "a number", str: "a text in quotes"}
# Of what a text can set, in words.
TYPES = "str, int, float, bool, Literal, or one of these | None"
_SAID = ("ge", "gt", "le", "lt", "title", "description", "extra")


@dataclass(frozen=True)
class Kind:
    """What an annotation says.

    Attributes:
        type: int, float, str or bool; object for a `Literal`.
        choices: the values of a `Literal` and of a bool.
        optional: whether None is taken too.
        limits: of a number, in words; empty where it has none.
        accepted: what is taken: `a whole number from 1 to 1,000,000 is needed`, `one of a, b`.
    """

    type: type
    choices: tuple[Any, ...]
    optional: bool
    limits: str
    accepted: str


@dataclass(frozen=True)
class Option:
    """A field as command lines and study files know it.

    Attributes:
        flag: `--batch-size`, or what the annotation's `extra={"flag": ...}` says.
        annotation: of a value; `extra={"written": str}` where it is another one than in Python.
        many: whether it takes several: its field is a tuple.
        help: what it is described with.
    """

    name: str
    flag: str
    annotation: Any
    many: bool
    default: Any
    help: str

    @property
    def off(self) -> str:
        """What says false to a flag that is true or false."""
        return self.flag.replace("--", "--no-", 1)


@cache
def annotations(cls: type) -> Mapping[str, Any]:
    """The annotation of each field of a dataclass, by name."""
    hints = typing.get_type_hints(cls, include_extras=True)
    return {name: hints[name] for name in vars(cls)["__dataclass_fields__"] if name in hints}


@cache
def options_of(cls: type) -> Mapping[str, Option]:
    """The fields of a dataclass that have a help as options, by name."""
    options = {}
    for name, annotation in annotations(cls).items():
        inside, said = _opened(annotation)
        if "description" not in said:
            continue  # of Python alone
        many, extra = typing.get_origin(inside[0]) is tuple, said.get("extra", {})
        value = typing.get_args(inside[0])[0] if many else extra.get("written", annotation)
        flag = extra.get("flag", "--" + name.replace("_", "-"))
        options[name] = Option(name, flag, value, many, getattr(cls, name), said["description"])
    return options


@cache
def kind_of(annotation: Any) -> Kind | None:
    """What an annotation says; None where its type is none of this module's."""
    inside, said = _opened(annotation)
    several = {part for part in inside if part is not types.NoneType}
    optional = types.NoneType in inside
    if {typing.get_origin(part) for part in several} == {Literal}:
        choices = tuple(choice for part in inside for choice in typing.get_args(part))
        if len({*map(written, choices)}) < len(choices):
            return None  # a text would stand for two of them
        return Kind(object, choices, optional, "", f"one of {', '.join(map(written, choices))}")
    # To a type checker `int | float` is what `float` is; other unions give one text several meanings.
    found = float if several == {int, float} else several.pop() if len(several) == 1 else None
    if found is bool:
        return Kind(bool, (True, False), optional, "", "true or false")
    if found not in _NOUNS:
        return None
    limits = _limits(*(_number(said.get(name)) for name in ("ge", "gt", "le", "lt")))
    accepted = " ".join(filter(None, (said.get("title", _NOUNS[found]), limits, "is needed")))
    return Kind(found, (), optional, limits, accepted)


def check(instance: object) -> None:
    """Check every field of a dataclass, and keep its value as the type has it: 1.0 for 1 in a float.

    Raises `RequestError` with the field's name. Where its type is none of this module's, it may hold
    anything.
    """
    cls: type = type(instance)
    for name, annotation in annotations(cls).items():
        value = getattr(instance, name)
        if kind_of(annotation) and (converted := convert(name, value, annotation)) is not value:
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
        if kind.type is float and isinstance(converted, int):  # of `int | float`
            converted = float(converted)
    except (msgspec.ValidationError, OverflowError, UnicodeEncodeError):
        raise _refusal(option, value, kind) from None
    if kind.limits and isinstance(converted, float) and not math.isfinite(converted):
        raise _refusal(option, value, kind)
    return converted


def read(option: str, text: str, annotation: Any) -> Any:
    """The value that a text stands for, as `written` writes it.

    Raises `RequestError` where it stands for none, as for a type that is none of this module's.
    """
    kind = kind_of(annotation)
    if kind is None:
        own = annotation.__name__ if isinstance(annotation, type) else annotation
        raise RequestError(option, text, f"its type is {own}; what a text can set is {TYPES}")
    words = {written(choice): choice for choice in kind.choices} | ({"none": None} if kind.optional else {})
    word = text.lower() if kind.type is bool else text
    if word in words:
        return words[word]
    try:
        if kind.type in (int, float) and not _PLAIN_NUMBER.fullmatch(text):
            raise ValueError
        value = text if kind.choices else kind.type(text)
    except ValueError:
        raise _refusal(option, text, kind) from None
    return convert(option, value, annotation)


def parts(text: str) -> list[str]:
    """What commas divide, but for those in brackets: `a[b=1,c=2],d` is two."""
    return re.split(r",(?![^\[\]]*\])", text)


def accepted(annotation: Any) -> str:
    """What an annotation of a known type accepts, in words."""
    return _known(annotation).accepted


def written(value: object) -> str:
    """A value as text that `read` reads."""
    return str(value).lower() if isinstance(value, bool) or value is None else str(value)


def _refusal(option: str, value: object, kind: Kind) -> RequestError:
    near, choices = "", list(map(written, kind.choices))
    if isinstance(value, str):
        near = f"{value} without quotes: " if value in choices else did_you_mean(value, choices)
    return RequestError(option, value, near + kind.accepted)


def _known(annotation: Any) -> Kind:
    if (kind := kind_of(annotation)) is None:
        raise TypeError(f"{annotation} is no type of a field")
    return kind


def _opened(annotation: Any) -> tuple[list[Any], dict[str, Any]]:
    """The types of a union, or the one, and what is said about them; what stands outside counts."""
    inside, origin = typing.get_args(annotation), typing.get_origin(annotation)
    if origin not in (Annotated, Union, types.UnionType):
        return [annotation], {}
    found: list[Any] = []
    said: dict[str, Any] = {}
    for part in inside[:1] if origin is Annotated else inside:
        inner, about = _opened(part)
        found, said = found + inner, said | about
    for meta in inside[1:] if origin is Annotated else ():
        said |= {name: value for name in _SAID if (value := getattr(meta, name, None)) is not None}
    return found, said


def _limits(least: str, above: str, most: str, below: str) -> str:
    if least:
        return f"from {least} " + (f"to {most}" if most else f"to below {below}" if below else "up")
    if above and below:
        return f"between {above} and {below}"
    last = f"up to {most}" if most else f"below {below}" if below else ""
    return " and ".join(filter(None, (above and f"above {above}", last)))


def _number(limit: int | float | None) -> str:
    """A limit as people write it."""
    if limit is None:
        return ""
    if limit == 2**63 - 1:
        return "2^63 - 1"
    return f"{limit:,}" if isinstance(limit, int) else f"{limit:g}"
