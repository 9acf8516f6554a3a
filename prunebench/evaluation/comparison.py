"""Which scorer is better, and how sure that is (docs/statistics.md): paired over seeds, exact, corrected."""

import itertools
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float, Int64
from scipy import stats

LEVEL = 0.05


def signed_ranks(
    differences: Float[np.ndarray, "pairs seeds"],
) -> tuple[Float[np.ndarray, " pairs"], Int64[np.ndarray, " pairs"]]:
    """Wilcoxon's exact two-sided p-value of each row of differences (signed-rank test, Wilcoxon 1945).

    Conditional on the observed ranks, so it stays exact with ties, where scipy has only a permutation test
    that takes seconds a pair; differences of 0 are left out, and p = 1 where all are. And who is ahead, 1 or
    -1 (0: nobody), by the rank sum that the test looks at; the mean can say something else, where an outlier
    turns it.
    """
    # Equal steps between shares of correct answers are ties, but seldom equal as floats.
    scale = np.abs(differences).max(axis=1, keepdims=True)
    rounded = np.round(differences / np.where(scale > 0, scale, 1.0), 10)
    none = rounded == 0
    ranks = stats.rankdata(np.abs(rounded), axis=1) - none.sum(axis=1, keepdims=True)
    # Tied ranks are halves: doubled, they are whole numbers that index the distribution.
    doubled = np.where(none, 0, np.rint(2 * ranks)).astype(np.int64)
    positive = np.where(rounded > 0, doubled, 0).sum(axis=1)
    total = doubled.sum(axis=1)
    smaller = np.minimum(positive, total - positive).tolist()
    ordered = np.sort(doubled, axis=1).tolist()
    p = np.array([_chance(tuple(own), least) for own, least in zip(ordered, smaller, strict=True)])
    return p, np.sign(2 * positive - total)


@lru_cache(maxsize=16384)
def _chance(ranks: tuple[int, ...], smaller: int) -> float:
    """That over all signs the smaller of both rank sums, of those above 0 and below, is at most so large.

    A rank of 0, of no difference, has no sign.
    """
    chances = np.zeros(smaller + 1)  # of each sum of positive ranks
    chances[0] = 1.0
    for rank in filter(None, ranks):
        chances[rank:] += chances[: max(0, len(chances) - rank)]
        chances /= 2
    return min(2 * float(chances.sum()), 1.0)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down adjustment: reject where the result is at most the level (Holm 1979)."""
    order = np.argsort(p_values, kind="stable")
    factors = np.arange(len(p_values), 0, -1)
    stepped = np.maximum.accumulate(np.asarray(p_values, dtype=float)[order] * factors)
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted.tolist()


def seeds_needed(tests: int) -> int:
    """Fewest seeds n at which `tests` corrected tests can reject anything: 2^(1-n) tests <= 5 %."""
    return math.ceil(1 + math.log2(max(tests, 1) / LEVEL))


@dataclass(frozen=True)
class RankInterval:
    """A scorer's place among others: it is tied with all that it does not differ from significantly.

    Attributes:
        first, last: the ranks that the comparison leaves possible; 1 is best.
    """

    first: int
    last: int

    @property
    def tied(self) -> int:
        """How many others it is not told apart from."""
        return self.last - self.first

    def __str__(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first}-{self.last}"


def beats(values: Mapping[str, Float[np.ndarray, " seeds"]]) -> set[tuple[str, str]]:
    """The pairs (better, worse) that differ significantly, of all pairs compared; higher values are better.

    Holm's correction holds the chance of any false pair at 5 %, whichever of the scorers do not differ.
    """
    pairs = list(itertools.combinations(values, 2))
    if not pairs:
        return set()
    differences = np.array([np.asarray(values[a]) - np.asarray(values[b]) for a, b in pairs], dtype=float)
    p_values, ahead = signed_ranks(differences)
    return {
        (a, b) if first > 0 else (b, a)
        for (a, b), p, first in zip(pairs, holm(p_values.tolist()), ahead, strict=True)
        if p <= LEVEL
    }


def rank_intervals(values: Mapping[str, Float[np.ndarray, " seeds"]]) -> dict[str, RankInterval]:
    """Rank intervals of scorers from all paired comparisons of their values per seed, higher = better.

    A scorer's rank is at least 1 + the number of those that are significantly better, and at most the number
    of all minus those that are significantly worse.
    """
    pairs = beats(values)
    won, lost = Counter(better for better, _ in pairs), Counter(worse for _, worse in pairs)
    return {name: RankInterval(1 + lost[name], len(values) - won[name]) for name in values}
