"""Seeds: the replicates, by which networks are told apart."""

import itertools
from collections.abc import Iterable, Sequence
from typing import Any, SupportsIndex

from prunebench.errors import RequestError
from prunebench.tasks.classes import is_whole
from prunebench.tasks.spec import LARGEST_SEED

# How many networks no machine trains at once.
MOST_SEEDS = 100_000


def check_seeds(seeds: SupportsIndex | Iterable[int]) -> tuple[int, ...]:
    """The seeds as a tuple, of a number n 0 to n - 1; they are the replicates, so they must be distinct."""
    given: Any = range(seeds) if isinstance(seeds, SupportsIndex) and is_whole(seeds) else seeds
    try:
        items = iter(given)
    except TypeError:  # not iterable; of arrays that depends on their dimensions
        items = iter(())
    checked = tuple(itertools.islice(items, MOST_SEEDS + 1))
    whole = all(is_whole(seed) and 0 <= seed <= LARGEST_SEED for seed in checked)
    if not 1 <= len(checked) <= MOST_SEEDS or not whole or len(set(checked)) < len(checked):
        accepted = f"1 to {MOST_SEEDS:,} distinct whole numbers from 0 to 2^63 - 1 are needed"
        raise RequestError("seeds", seeds, accepted)
    return tuple(int(seed) for seed in checked)


def read_seeds(text: str) -> tuple[int, ...]:
    """The seeds that a text names: `20` (seeds 0 to 19), `3,5,8` or `0-9`. Raises `RequestError`."""
    try:
        return check_seeds(_number(text) if text.strip().isdecimal() else _expand(text))
    except RequestError as error:
        raise RequestError("seeds", text, error.accepted) from None
    except ValueError:
        accepted = "a number of networks (20), seeds (3,5,8) or a range (0-9)"
        raise RequestError("seeds", text, accepted) from None


def written_seeds(seeds: Sequence[int]) -> str:
    """The text that `read_seeds` reads."""
    first, last = seeds[0], seeds[-1]
    if any(seed != first + place for place, seed in enumerate(seeds)):
        return ",".join(map(str, seeds))
    return f"{first}-{last}" if first else str(last + 1)


def _expand(text: str) -> list[int]:
    seeds: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        begin = _number(first)
        end = _number(last) if dash else begin
        if not 0 <= end - begin <= MOST_SEEDS:
            raise ValueError(text)
        seeds += range(begin, end + 1)
    return seeds


def _number(text: str) -> int:
    if not text.strip().isdecimal():  # `int` takes 1_0 for 10
        raise ValueError(text)
    return int(text)
