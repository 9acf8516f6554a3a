"""What Python gives where several are taken: one, or any iterable of them."""

from collections.abc import Iterable, Iterator
from types import UnionType
from typing import Any, TypeVar

from prunebench.errors import RequestError

T = TypeVar("T")


def several(given: T | Iterable[T], single: type | UnionType) -> tuple[T, ...]:
    """The values given; of a single one that alone."""
    alone: Any = given
    try:
        items: Iterator[T] = iter((alone,) if isinstance(given, single) else alone)
    except TypeError:  # not iterable; of arrays that depends on their dimensions
        return (alone,)
    return tuple(items)


def some(option: str, given: T | Iterable[T], single: type | UnionType) -> tuple[T, ...]:
    """The same, one at least. Raises `RequestError`."""
    found: tuple[T, ...] = several(given, single)
    if not found:
        raise RequestError(option, found, "at least one is needed")
    return found
