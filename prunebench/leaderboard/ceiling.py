"""How much could be predicted at all: reliability, noise ceiling and shares of it (docs/protocols.md).

For whatever shows boards: `ceilings(board)` is the band to draw behind the scorers, by step;
`share_of_ceiling(score, reliability)` a row's share; `decided_by(board)` and `by_when(board)` when the norms
were decided, in numbers and in words. Nothing of it is stored: it follows from the rows of `twin`.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from prunebench.evaluation.metrics import Path
from prunebench.evaluation.statistics import intervals, number_or_none
from prunebench.evaluation.summary import Number, Summary
from prunebench.results import Results, Row

TWIN = "twin"
# Reliabilities at which the final norms count as decided.
LEVELS = (0.9, 0.99)


@dataclass(frozen=True)
class Ceiling:
    """At one step, of all layers or of one.

    Attributes:
        reliability: r, the rank correlation of a twin's final norms with the network's own.
        value: `sqrt(r)`: what a predictor would reach that knew all but the minibatches to come.
        low, high: its 95 % interval.
    """

    reliability: Summary
    value: float
    low: float | None
    high: float | None


def twin_rows(board: Results) -> dict[int, Row]:
    """The row of the twin at each step where there is one; of several, that of most twins."""
    rows = [row for row in board.rows if row.name == TWIN and row.parameters.get("truth", "norm") == "norm"]
    return {row.at_step: row for row in sorted(rows, key=lambda row: row.draws) if row.spearman}


def ceilings(board: Results, path: Path = ("spearman",)) -> dict[int, Ceiling]:
    """The noise ceiling at each step with a twin, by `("spearman_by_layer", layer)` that of one layer."""
    found = {}
    for step, row in sorted(twin_rows(board).items()):
        if (reliability := row.metrics.get(path)) is not None:
            ends = (None if end is None else _root(end) for end in (reliability.low, reliability.high))
            found[step] = Ceiling(reliability, _root(reliability.mean), *ends)
    return found


def share_of_ceiling(score: Summary, reliability: Summary) -> Summary | None:
    """`rho/sqrt(r)`, both means over the seeds, with its interval; None where r is not significantly above 0.

    `per_seed` has the share's linearisation (its mean is the share), so that the interval is the one that all
    means have: seeds are drawn again in pairs, score and reliability together. It is not cut at 1.
    """
    if len(score.per_seed) != len(reliability.per_seed):
        return None
    return _share(tuple(score.per_seed), tuple(reliability.per_seed))


def decided_by(board: Results) -> dict[float, Row | None]:
    """The twin's row at the first scored step at which the reliability reaches a level, by level, or None."""
    rows = sorted(twin_rows(board).items())
    return {
        level: next((row for _, row in rows if row.spearman and row.spearman.mean >= level), None)
        for level in LEVELS
    }


def by_when(board: Results) -> str | None:
    """`a twin from step 0 agrees at 0.85, from step 50 at 0.99; decided (0.9) by step 50`; None: no twin."""
    found = ceilings(board)
    if not found:
        return None
    first, *others = found.items()
    agrees = f"a twin from step {first[0]} agrees at {first[1].reliability.mean:.2f}"
    agrees += "".join(f", from step {step} at {ceiling.reliability.mean:.2f}" for step, ceiling in others)
    decided = [
        f"decided ({level:g}) by step {row.at_step}"
        + (f" (t/t_drop {row.relative_time:.2g})" if row.relative_time else "")
        for level, row in decided_by(board).items()
        if row is not None
    ]
    return "; ".join([agrees, *decided])


def _root(value: Number) -> float:
    return math.sqrt(max(float(value), 0.0))


@lru_cache(maxsize=4096)
def _share(scores: tuple[Number | None, ...], reliabilities: tuple[Number | None, ...]) -> Summary | None:
    score, level = np.array([scores, reliabilities], dtype=float)  # None is NaN
    there = np.isfinite(score) & np.isfinite(level)
    (low,), _ = intervals(level[there][None])
    if not low > 0:  # of fewer than 3 seeds there is no interval: NaN
        return None
    mean, reliability = float(score[there].mean()), float(level[there].mean())
    root = math.sqrt(reliability)
    linear = (score - mean * (level - reliability) / (2 * reliability)) / root
    (low,), (high,) = intervals(linear[there][None])
    per_seed = [number_or_none(value) for value in linear]
    return Summary(mean / root, number_or_none(low), number_or_none(high), per_seed)
