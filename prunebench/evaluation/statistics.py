"""Intervals over seeds (docs/statistics.md): the trained network is the replicate, never the neuron."""

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from jaxtyping import Float, Int64
from msgspec.structs import replace
from scipy import stats

from prunebench.evaluation.metrics import RANGES, Metrics, Path, kind_of
from prunebench.evaluation.summary import Band, Summary

# Raised whenever equal values would get other intervals: boards keep theirs, and are given the new ones when
# they are read.
INTERVALS_VERSION = "4"

CONFIDENCE = 0.95
RESAMPLES = 4999
# Numbers that the resamples of many metrics and seeds may take at once (80 MB).
RESAMPLED_AT_ONCE = 10_000_000
# Resamples of fewer are so often nearly constant that their t says nothing.
FEWEST_RESAMPLED = 5
# Times Student's distance from the mean. Among resamples of 5 to 10 values some are nearly constant, and
# their t is fifty times Student's; what is farther than this holds the mean hardly more often
# (docs/statistics.md).
FARTHEST = 3.0

Ends = tuple[Float[np.ndarray, " metrics"], Float[np.ndarray, " metrics"]]


def intervals(values: Float[np.ndarray, "metrics seeds"]) -> Ends:
    """95 % intervals of the mean over seeds, one per row: the outer ends of Student's t and the bootstrap-t.

    The studentised bootstrap (Efron & Tibshirani 1993, chapter 12; Hesterberg 2015) follows a skew, Student's
    t is never too short where values are few or tied; neither end is farther than three times Student's. All
    rows share their resamples, and the generator is fixed: equal values give equal intervals. A row that does
    not vary has the interval of width 0; fewer than 3 seeds have none (NaN), fewer than 5 Student's alone.
    """
    rows, seeds = values.shape
    low, high = np.full(rows, np.nan), np.full(rows, np.nan)
    if seeds < 3:
        return low, high
    constant = np.ptp(values, axis=1) <= 1e-12 * np.abs(values).max(axis=1)
    low[constant] = high[constant] = values[constant].mean(axis=1)
    varying = values[~constant]
    student = _student(seeds)
    quantiles = np.tile([-student, student], (len(varying), 1))
    if seeds >= FEWEST_RESAMPLED:
        resamples = _resamples(seeds)
        at_once = max(1, RESAMPLED_AT_ONCE // resamples.size)
        for first in range(0, len(varying), at_once):
            part = slice(first, first + at_once)
            found = _studentised(varying[part], resamples)
            quantiles[part, 0] = found[0].clip(-FARTHEST * student, -student)
            quantiles[part, 1] = found[1].clip(student, FARTHEST * student)
    mean, error = varying.mean(axis=1), _standard_error(varying)
    low[~constant], high[~constant] = mean - quantiles[:, 1] * error, mean - quantiles[:, 0] * error
    return low, high


def median_intervals(values: Float[np.ndarray, "metrics seeds"]) -> Ends:
    """Exact 95 % intervals of the median, one per row: two of the ordered values (Thompson 1936).

    They hold the median in at least 95 % of draws, however the values are distributed: at 20 seeds the 6th
    and the 15th value, in 95.9 %. Fewer than 6 seeds have none (NaN).
    """
    rows, seeds = values.shape
    outside = int(stats.binom.ppf((1 - CONFIDENCE) / 2, seeds, 0.5))
    if outside == 0:
        return np.full(rows, np.nan), np.full(rows, np.nan)
    ordered = np.sort(values, axis=1)
    return ordered[:, outside - 1], ordered[:, seeds - outside]


def collapses(path: Path) -> bool:
    """Whether a metric is one of those whose rare collapses few seeds do not show: all accuracies.

    A network that lost the wrong neurons collapses, however rarely: 20 seeds tell the median, not how far the
    mean may be off (docs/statistics.md). Then no interval of the mean is given, but the median with its own.
    By the metric and not by its values: where no collapse was seen, they look as if there were none.
    """
    return kind_of(path) == "accuracy"


def summarise(metrics: Metrics) -> dict[Path, Summary]:
    """`mean`, `low`, `high` and `per_seed` of every metric; None stands where a number is not defined.

    Accuracies have `median`, `median_low` and `median_high` as well, and no `low` and `high` (`collapses`). A
    metric that no network defines is left out.
    """
    summaries: dict[Path, Summary] = {}
    alike: dict[tuple[bytes, bool], list[Path]] = {}
    for path, values in metrics.items():
        present = np.isfinite(values)
        if present.any():
            alike.setdefault((present.tobytes(), collapses(path)), []).append(path)
    for (_, skewed), paths in alike.items():
        present = np.isfinite(metrics[paths[0]])
        block = np.stack([metrics[path][present] for path in paths])
        ends = median_intervals(block) if skewed else intervals(block)
        for path, row, low, high in zip(paths, block, *ends, strict=True):
            mean, per_seed = float(row.mean()), [number_or_none(value) for value in metrics[path]]
            if skewed:
                middle = float(np.median(row)), number_or_none(low), number_or_none(high)
                summaries[path] = Summary(mean, None, None, per_seed, *middle)
            else:
                least, most = RANGES[kind_of(path)]
                inside = number_or_none(max(low, least)), number_or_none(min(high, most))
                summaries[path] = Summary(mean, *inside, per_seed)
    return {path: summaries[path] for path in metrics if path in summaries}


def band(draws: Float[np.ndarray, "draws seeds"]) -> Band | None:
    """Range over a stochastic scorer's draws of the mean over seeds: what chance alone gives."""
    means = draws.mean(axis=1)
    return Band(float(means.min()), float(means.max())) if np.isfinite(means).all() else None


def paired_difference(one: Summary, other: Summary, *, skewed: bool = False) -> Summary | None:
    """What one metric is above another of the same networks; None where no network has both.

    With `skewed`, of metrics that collapse, the interval is the median's.
    """
    per_seed, tested = (
        tuple(None if a is None or b is None else a - b for a, b in zip(*of_both, strict=True))
        for of_both in ((one.per_seed, other.per_seed), (one.tested, other.tested))
    )
    if set(per_seed) <= {None}:
        return None
    found = _remembered(per_seed, skewed)
    return found if tested == per_seed else replace(found, first_draw=list(tested))


def summary_of(per_seed: Sequence[float | None], skewed: bool) -> Summary:
    """Of one difference a network, of some at least. With `skewed` the interval is the median's."""
    values = np.array([[value for value in per_seed if value is not None]], dtype=float)
    (low,), (high,) = median_intervals(values) if skewed else intervals(values)
    ends, mean = (number_or_none(low), number_or_none(high)), float(values.mean())
    if skewed:
        return Summary(mean, None, None, list(per_seed), float(np.median(values)), *ends)
    return Summary(mean, *ends, list(per_seed))


_remembered = lru_cache(maxsize=4096)(summary_of)


def number_or_none(value: float) -> float | None:
    """A number that JSON can hold, or None."""
    return float(value) if math.isfinite(value) else None


@lru_cache(maxsize=2)
def _resamples(seeds: int) -> Int64[np.ndarray, "resamples seeds"]:
    return np.random.default_rng(0).integers(seeds, size=(RESAMPLES, seeds))


@lru_cache(maxsize=16)
def _student(seeds: int) -> float:
    """Student's t at the end of the interval of so many seeds' mean."""
    return float(stats.t.ppf((1 + CONFIDENCE) / 2, seeds - 1))


def _studentised(
    values: Float[np.ndarray, "metrics seeds"], resamples: Int64[np.ndarray, "resamples seeds"]
) -> Ends:
    """Quantiles of `(mean* - mean)/error*` over the resamples; those that do not vary have none."""
    drawn = values[:, resamples]
    error = _standard_error(drawn)
    error[error <= 1e-9 * _standard_error(values)[:, None]] = np.nan
    t = (drawn.mean(axis=2) - values.mean(axis=1, keepdims=True)) / error
    ends = [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2]
    # NumPy leaves out what is not there row by row, in Python.
    low, high = np.nanquantile(t, ends, axis=1) if np.isnan(t).any() else np.quantile(t, ends, axis=1)
    return low, high


def _standard_error(values: Float[np.ndarray, "*batch seeds"]) -> Float[np.ndarray, "*batch"]:
    error: Float[np.ndarray, "*batch"] = values.std(axis=-1, ddof=1) / math.sqrt(values.shape[-1])
    return error
