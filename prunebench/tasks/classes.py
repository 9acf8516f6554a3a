"""Which classes are told apart: each side of a task is one or more classes of the data."""

from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import Any

from prunebench.errors import RequestError, unknown_name

# A class by its number or its name; a side is a sequence of classes, or one number.
Classes = str | Sequence[Sequence[int | str] | int]
Sides = tuple[tuple[int, ...], ...]
ALL = "all"
_FORM = "two sides of classes or more, by number or name, are needed, such as 0,3/1,2, or all"


def parse_classes(text: str) -> tuple[tuple[int | str, ...], ...]:
    """`0,3/1,2` or `airplane,cat/automobile,bird` as a tuple a side; digits become numbers."""
    sides = [[token.strip() for token in side.split(",")] for side in text.split("/")]
    if len(sides) < 2 or not all(token for side in sides for token in side):
        raise RequestError("classes", text, _FORM)
    return tuple(tuple(_as_number(token) for token in side) for side in sides)


def resolve_classes(classes: Classes, names: Mapping[int, str]) -> Sides:
    """The class numbers of each side, in ascending order.

    Args:
        classes: sides of class numbers or names, a number alone for a side of one, or text for
            `parse_classes`; `all`: each class is a side.
        names: class number -> name; upper and lower case are the same.

    Raises:
        RequestError: fewer than two sides, an empty side, a class that does not exist or is chosen twice.
    """
    if is_all(classes):
        return tuple((number,) for number in sorted(names))
    given = parse_classes(classes) if isinstance(classes, str) else classes
    if not _is_list(given) or len(given) < 2:
        raise RequestError("classes", classes, _FORM)
    sides: list[Any] = [(side,) if is_whole(side) else side for side in given]
    if not all(_is_list(side) and len(side) for side in sides):
        raise RequestError("classes", classes, _FORM)
    found = tuple(tuple(sorted(_number(token, names) for token in side)) for side in sides)
    chosen = sum(found, ())
    if twice := sorted({number for number in chosen if chosen.count(number) > 1}):
        labels = ", ".join(class_label(number, names) for number in twice)
        raise RequestError("classes", classes, f"every class may be chosen once, not so: {labels}")
    return found


def is_all(classes: object) -> bool:
    """Whether each class is a side."""
    return isinstance(classes, str) and classes == ALL  # an array compares with a text element by element


def class_label(number: int, names: Mapping[int, str]) -> str:
    """A class for messages: `3 (cat)`, or just `3` where the name says no more."""
    return str(number) if names[number] == str(number) else f"{number} ({names[number]})"


def is_whole(value: object) -> bool:
    """Whether it is a whole number, NumPy's included, and not a bool."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def _is_list(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _as_number(token: str) -> int | str:
    # Python refuses to read numbers of thousands of digits.
    return int(token) if token.isascii() and token.isdecimal() and len(token) < 10 else token


def _number(token: int | str, names: Mapping[int, str]) -> int:
    if isinstance(token, str):
        matches = [number for number, name in names.items() if name.casefold() == token.casefold()]
        exact = [number for number in matches if names[number] == token]
        if matches:
            return (exact or matches)[0]
        token = _as_number(token)
    if isinstance(token, str):
        raise unknown_name("classes", token, names.values(), "classes")
    if not is_whole(token) or token not in names:
        known = ", ".join(class_label(number, names) for number in sorted(names))
        raise RequestError("classes", token, f"classes: {known}")
    return int(token)
