"""How much could be predicted at all: reliability, noise ceiling and shares of it (docs/protocols.md).

For whatever shows boards: `ceilings(board)` is the band to draw behind the scorers, by step;
`share_of_ceiling(score, ceiling)` a row's share; `decided_by(board)` and `by_when(board)` when the norms
were decided, in numbers and in words. Nothing of it is stored: it follows from the rows of `twin`.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float
from msgspec import UNSET

from prunebench.evaluation.metrics import BY_LAYER, Path
from prunebench.evaluation.statistics import intervals, number_or_none
from prunebench.evaluation.summary import Number, Summary, known
from prunebench.results import Results, Row

TWIN = "twin"
# Reliabilities at which the final norms count as decided.
LEVELS = (0.9, 0.99)


PerSeed = tuple[Number | None, ...]


@dataclass(frozen=True)
class Ceiling:
    """At one step, of all layers or of one.

    Attributes:
        reliability: r, the rank correlation of a twin's final norms with the network's own.
        value: what a predictor would reach that knew all but the minibatches to come: `sqrt(r)` of one layer,
            and of several the mean of theirs, with the weights that their correlations have.
        low, high: its 95 % interval.
        weights: of the layers.
        levels: r in each of them, by network.
        seeds: of the networks.
    """

    reliability: Summary
    value: float
    low: float | None
    high: float | None
    weights: tuple[int, ...]
    levels: tuple[PerSeed, ...]
    seeds: tuple[int, ...]


def twin_rows(board: Results) -> dict[int, Row]:
    """The row of the twin at each step where there is one; of several, that of most twins."""
    rows = [row for row in board.rows if row.name == TWIN and row.parameters.get("truth", "norm") == "norm"]
    return {row.at_step: row for row in sorted(rows, key=lambda row: row.draws) if row.spearman}


def ceilings(board: Results, path: Path = ("spearman",)) -> dict[int, Ceiling]:
    """The noise ceiling at each step with a twin, by `("spearman_by_layer", layer)` that of one layer."""
    layers = [(layer.units, (BY_LAYER, layer.name)) for layer in known(board.training.layers) or ()]
    found = {}
    for step, row in sorted(twin_rows(board).items()):
        if (reliability := row.metrics.get(path)) is not None:
            own = [(units, row.metrics[of]) for units, of in layers if of in row.metrics]
            found[step] = ceiling_of(reliability, own if path == ("spearman",) else (), row.seeds)
    return found


def ceiling_of(
    reliability: Summary, layers: Sequence[tuple[int, Summary]] = (), seeds: Sequence[int] = ()
) -> Ceiling:
    """The ceiling of one layer's reliability, or of the mean over `layers`: units and reliability of each."""
    if len(layers) < 2:
        low, high = (None if end is None else _root(end) for end in (reliability.low, reliability.high))
        whole = _root(reliability.mean), low, high, (1,), (tuple(reliability.per_seed),)
        return Ceiling(reliability, *whole, tuple(seeds))
    weights, levels = zip(*((units, tuple(layer.per_seed)) for units, layer in layers), strict=True)
    value, change = _mean_root(weights, np.array(levels, dtype=float))
    low, high = (number_or_none(end) for (end,) in np.clip(intervals(value + change(value)[None]), 0, 1))
    return Ceiling(reliability, value, low, high, weights, levels, tuple(seeds))


def share_of_ceiling(score: Summary, ceiling: Ceiling) -> Summary | None:
    """Both means over the seeds, divided, with an interval; None where r is not significantly above 0.

    `per_seed` has the share's linearisation (its mean is the share), so that the interval is the one that all
    means have: seeds are drawn again in pairs, score and reliability together. It is not cut at 1.
    """
    if len(score.per_seed) != len(ceiling.reliability.per_seed):
        return None
    draws = tuple(score.per_seed), tuple(score.tested)
    return _share(draws, tuple(ceiling.reliability.per_seed), ceiling.weights, ceiling.levels)


def decided_by(board: Results) -> dict[float, Row | None]:
    """The twin's row at the first scored step at which the reliability reaches a level, by level, or None."""
    rows = sorted(twin_rows(board).items())
    return {
        level: next((row for _, row in rows if row.spearman and row.spearman.mean >= level), None)
        for level in LEVELS
    }


def by_when(board: Results) -> str | None:
    """`a twin from step 0 agrees at 0.85, from step 50 at 0.99; decided (0.9) by step 50`; None: no twin.

    Where the first twin agrees so much already, all was decided then `or before`.
    """
    found = ceilings(board)
    if not found:
        return None
    first, *others = found.items()
    agrees = f"a twin from step {first[0]} agrees at {first[1].reliability.mean:.2f}"
    agrees += "".join(f", from step {step} at {ceiling.reliability.mean:.2f}" for step, ceiling in others)
    decided = [
        f"decided ({level:g}) by step {row.at_step}"
        + (f" (t/t_drop {row.relative_time:.2g})" if row.relative_time else "")
        + (" or before" if 0 < row.at_step == first[0] else "")
        for level, row in decided_by(board).items()
        if row is not None
    ]
    return "; ".join([agrees, *decided])


def _root(value: Number) -> float:
    return math.sqrt(max(float(value), 0.0))


def _mean_root(
    weights: Sequence[int], levels: Float[np.ndarray, "layers seeds"]
) -> tuple[float, Callable[[float], Float[np.ndarray, " seeds"]]]:
    """The weighted mean of the roots of the layers' mean reliabilities, and its linearisation.

    That is how much each seed changes what is proportional to it; layers without reliability do nothing.
    """
    there, shares = np.isfinite(levels), np.array(weights)[:, None] / sum(weights)
    sums = np.where(there, levels, 0.0).sum(axis=1, keepdims=True)
    means = sums / np.maximum(there.sum(axis=1, keepdims=True), 1)
    roots, deviations = shares * np.sqrt(np.maximum(means, 0.0)), np.nan_to_num(levels - means)
    value = float(roots.sum())

    def change(proportional: float) -> Float[np.ndarray, " seeds"]:
        of_layers = proportional * deviations / np.where(roots > 0, 2 * means, np.inf)
        return np.asarray((of_layers * (roots / (value or 1.0))).sum(axis=0))

    return value, change


@lru_cache(maxsize=4096)
def _share(
    draws: tuple[PerSeed, PerSeed],
    reliability: PerSeed,
    weights: tuple[int, ...],
    levels: tuple[PerSeed, ...],
) -> Summary | None:
    """Of a score's mean over its draws; its first draw is what is tested."""
    score, first, whole = np.array([*draws, reliability], dtype=float)  # None is NaN
    there = np.isfinite(score) & np.isfinite(whole)
    (low,), _ = intervals(whole[there][None])
    if not low > 0:  # of fewer than 3 seeds there is no interval: NaN
        return None
    ceiling, change = _mean_root(weights, np.where(there, np.array(levels, dtype=float), np.nan))

    def shares(values: Float[np.ndarray, " seeds"]) -> Float[np.ndarray, " seeds"]:
        return np.where(there, (values - change(float(values[there].mean()))) / ceiling, np.nan)

    (low,), (high,) = intervals(shares(score)[there][None])
    per_seed, tested = ([number_or_none(value) for value in shares(of)] for of in (score, first))
    first_draw = UNSET if draws[0] == draws[1] else tested
    mean = float(score[there].mean()) / ceiling
    return Summary(mean, number_or_none(low), number_or_none(high), per_seed, first_draw=first_draw)
