"""Intervals over seeds (DESIGN 6): the trained network is the replicate, never the neuron."""

import math
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy import stats

from prunebench.evaluation.metrics import Metrics

CONFIDENCE = 0.95
RESAMPLES = 4999
# Numbers that the resamples of many metrics and seeds may take at once (160 MB).
RESAMPLED_AT_ONCE = 20_000_000

Summary = dict[str, Any]


def intervals(
    values: Float[np.ndarray, "metrics seeds"],
) -> tuple[Float[np.ndarray, " metrics"], Float[np.ndarray, " metrics"]]:
    """BCa bootstrap intervals (95 %) of the mean over seeds, one per row (Efron 1987, by scipy).

    All rows share their resamples, and the generator is fixed: equal values give equal intervals. A row that
    does not vary has the interval of width 0; fewer than 3 seeds have none (NaN).
    """
    rows, seeds = values.shape
    low, high = np.full(rows, np.nan), np.full(rows, np.nan)
    if seeds < 3:
        return low, high
    constant = np.ptp(values, axis=1) <= 1e-12 * np.abs(values).max(axis=1)
    low[constant] = high[constant] = values[constant].mean(axis=1)
    if not constant.all():
        result = stats.bootstrap(
            (values[~constant],),
            np.mean,
            axis=1,
            confidence_level=CONFIDENCE,
            n_resamples=RESAMPLES,
            method="BCa",
            batch=max(1, RESAMPLED_AT_ONCE // int((~constant).sum() * seeds)),
            random_state=np.random.default_rng(0),
        )
        low[~constant], high[~constant] = result.confidence_interval
    return low, high


def summarise(metrics: Metrics) -> dict[tuple[str, ...], Summary]:
    """`mean`, `low`, `high` and `per_seed` of every metric; None stands where a number is not defined.

    A metric that no network defines is left out.
    """
    summaries: dict[tuple[str, ...], Summary] = {}
    by_presence: dict[bytes, list[tuple[str, ...]]] = {}
    for path, values in metrics.items():
        present = np.isfinite(values)
        if present.any():
            by_presence.setdefault(present.tobytes(), []).append(path)
    for paths in by_presence.values():
        present = np.isfinite(metrics[paths[0]])
        block = np.stack([metrics[path][present] for path in paths])
        for path, row, low, high in zip(paths, block, *intervals(block), strict=True):
            summaries[path] = {
                "mean": float(row.mean()),
                "low": number_or_none(low),
                "high": number_or_none(high),
                "per_seed": [number_or_none(value) for value in metrics[path]],
            }
    return {path: summaries[path] for path in metrics if path in summaries}


def band(draws: Float[np.ndarray, "draws seeds"]) -> dict[str, float] | None:
    """Range over a stochastic scorer's draws of the mean over seeds: what chance alone gives."""
    means = draws.mean(axis=1)
    return {"low": float(means.min()), "high": float(means.max())} if np.isfinite(means).all() else None


def number_or_none(value: float) -> float | None:
    """A number that JSON can hold, or None."""
    return float(value) if math.isfinite(value) else None
