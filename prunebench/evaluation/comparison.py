"""Which scorer is better, and how sure that is (DESIGN 6): paired over seeds, exact, corrected."""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy import stats

LEVEL = 0.05


def signed_rank(a: Float[np.ndarray, " seeds"], b: Float[np.ndarray, " seeds"]) -> float:
    """Two-sided exact p-value of Wilcoxon's signed-rank test for paired values (Wilcoxon 1945).

    Conditional on the observed ranks, so it stays exact with ties, where scipy has only a permutation test
    that takes seconds a pair; pairs that are equal are left out, and p = 1 where all are.
    """
    differences = np.asarray(a, dtype=float) - np.asarray(b, dtype=float)
    differences = differences[differences != 0]
    # Tied ranks are halves: doubled, they are whole numbers that index the distribution.
    ranks = np.rint(2 * stats.rankdata(np.abs(differences))).astype(int)
    chances = np.ones(1)
    for rank in ranks:
        chances = (np.append(chances, np.zeros(rank)) + np.append(np.zeros(rank), chances)) / 2
    positive, middle = ranks[differences > 0].sum(), ranks.sum() / 2
    extreme = np.abs(np.arange(len(chances)) - middle) >= abs(positive - middle)
    return min(1.0, float(chances[extreme].sum()))


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down adjustment: reject where the result is at most the level (Holm 1979)."""
    order = np.argsort(p_values, kind="stable")
    factors = np.arange(len(p_values), 0, -1)
    stepped = np.maximum.accumulate(np.asarray(p_values, dtype=float)[order] * factors)
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted.tolist()


def seeds_needed(tests: int, level: float = LEVEL) -> int:
    """Fewest seeds n at which `tests` corrected tests can reject anything: 2^(1-n) tests <= level."""
    return math.ceil(1 + math.log2(max(tests, 1) / level))


@dataclass(frozen=True)
class Standing:
    """Where a scorer stands among others: it is tied with all that it does not differ from significantly.

    Attributes:
        first, last: the ranks that the comparison leaves possible; 1 is best.
    """

    first: int
    last: int

    def __str__(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first}-{self.last}"


def standings(values: Mapping[str, Float[np.ndarray, " seeds"]], level: float = LEVEL) -> dict[str, Standing]:
    """Rank intervals of scorers from all paired comparisons of their values per seed, higher = better.

    A scorer's rank is at least 1 + the number of those that are significantly better, and at most the number
    of all minus those that are significantly worse.
    """
    pairs = list(itertools.combinations(values, 2))
    adjusted = holm([signed_rank(values[a], values[b]) for a, b in pairs]) if pairs else []
    better: dict[str, int] = dict.fromkeys(values, 0)
    worse: dict[str, int] = dict.fromkeys(values, 0)
    for (a, b), p in zip(pairs, adjusted, strict=True):
        if p <= level:
            winner, loser = (a, b) if _ahead(values[a], values[b]) else (b, a)
            better[loser] += 1
            worse[winner] += 1
    return {name: Standing(1 + better[name], len(values) - worse[name]) for name in values}


def _ahead(a: Float[np.ndarray, " seeds"], b: Float[np.ndarray, " seeds"]) -> bool:
    """By the rank sum that the test looks at, not by the mean, which an outlier can turn."""
    differences = np.asarray(a) - np.asarray(b)
    ranks = stats.rankdata(np.abs(differences))
    return bool((np.sign(differences) * ranks).sum() > 0)
