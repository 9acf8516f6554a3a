"""Several methods over several tasks, each task a block (Demšar, JMLR 2006): ranks, wins, one test for all.

What is compared here are the methods' means on each task, so the replicate is the task.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy import stats

from prunebench.evaluation.comparison import LEVEL, beats, seeds_needed

# Friedman's test needs three methods; two are a pair.
FEWEST_METHODS = 3


def ranks(means: Float[np.ndarray, "methods tasks"]) -> Float[np.ndarray, "methods tasks"]:
    """Rank of each method on each task (1 is the highest mean); equal means share their ranks."""
    return stats.rankdata(-means, axis=0)


def average_ranks(means: Float[np.ndarray, "methods tasks"]) -> Float[np.ndarray, " methods"]:
    """These, averaged over the tasks."""
    return ranks(means).mean(axis=1)


@dataclass(frozen=True)
class Comparison:
    """Which methods differ over the tasks: what a critical-difference diagram draws.

    Attributes:
        p: of Friedman's test that no method differs from another.
        cliques: the longest runs of neighbours by average rank in which no two differ significantly.
    """

    p: float
    cliques: tuple[tuple[str, ...], ...]


def tasks_needed(methods: int) -> int:
    """Fewest tasks at which the paired tests between all methods can find any difference."""
    return seeds_needed(methods * (methods - 1) // 2)


def compare(methods: Sequence[str], means: Float[np.ndarray, "methods tasks"]) -> Comparison | None:
    """Friedman's test, then exact Wilcoxon tests of all pairs, by Holm; None for too few methods or tasks.

    The second step is Wilcoxon's rather than Nemenyi's, which compares average ranks: whether two methods
    differ should not depend on which others were entered (Benavoli, Corani & Mangili, JMLR 2016). Where
    Friedman's test rejects nothing, all methods are one clique.
    """
    count, tasks = means.shape
    if count < FEWEST_METHODS or tasks < tasks_needed(count):
        return None
    averages = dict(zip(methods, average_ranks(means), strict=True))
    names = sorted(methods, key=lambda name: (averages[name], name))
    differ = (means != means[0]).any()
    p = float(stats.friedmanchisquare(*means).pvalue) if differ else 1.0
    pairs = beats(dict(zip(methods, means, strict=True))) if p <= LEVEL else set()
    return Comparison(p, cliques(names, pairs))


def cliques(methods: Sequence[str], different: set[tuple[str, str]]) -> tuple[tuple[str, ...], ...]:
    """The longest runs of two or more neighbours in `methods` in which no pair is in `different`."""
    runs: list[tuple[int, int]] = []
    for first in range(len(methods)):
        last = first + 1
        while last < len(methods) and not any(
            {(methods[i], methods[last]), (methods[last], methods[i])} & different for i in range(first, last)
        ):
            last += 1
        if last - first > 1 and (not runs or last > runs[-1][1]):
            runs.append((first, last))
    return tuple(tuple(methods[first:last]) for first, last in runs)
