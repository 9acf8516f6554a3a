"""The means and medians of boards that were packed without them."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np

from prunebench.evaluation.statistics import median_intervals, number_or_none

Summary = dict[str, Any]  # as a board's JSON has it


def with_means(contents: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The boards, each as its JSON file has it, with what their numbers per seed say again; changed in place.

    Intervals of means are not among that: they were packed. Without one, it is the median that has one.
    """
    alike = defaultdict[tuple[bool, int], list[tuple[Summary, list[float]]]](list)
    for content in contents:
        for record in (content["training"], *content["rows"]):
            for summary in _summaries(record):
                defined = [value for value in summary["per_seed"] if value is not None]
                alike["low" not in summary, len(defined)].append((summary, defined))
    for (of_median, _), found in alike.items():
        summaries = [summary for summary, _ in found]
        values = np.array([defined for _, defined in found], dtype=float)
        for summary, mean in zip(summaries, values.mean(axis=1), strict=True):
            summary["mean"] = float(mean)
        if of_median:
            ends = zip(summaries, np.median(values, axis=1), *median_intervals(values), strict=True)
            for summary, median, low, high in ends:
                summary |= {"low": None, "high": None, "median": float(median)}
                summary |= {"median_low": number_or_none(low), "median_high": number_or_none(high)}
    return contents


def _summaries(level: dict[str, Any]) -> Iterator[Summary]:
    for value in level.values():
        if isinstance(value, dict):
            if "per_seed" in value:
                yield value
            else:
                yield from _summaries(value)
