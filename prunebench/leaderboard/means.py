"""The means and medians of boards that were packed without them."""

from collections import defaultdict

import numpy as np

from prunebench.evaluation.statistics import median_intervals, number_or_none
from prunebench.leaderboard.archive import Content, summaries


def with_means(contents: list[Content]) -> list[Content]:
    """The boards, each as its JSON file has it, with what their numbers per seed say again; changed in place.

    Intervals of means are not among that: they were packed. Without one, it is the median that has one.
    """
    alike = defaultdict[tuple[bool, int], list[tuple[Content, list[float]]]](list)
    for content in contents:
        for record in (content["training"], *content["rows"]):
            for _, summary in summaries(record):
                defined = [value for value in summary["per_seed"] if value is not None]
                alike["low" not in summary, len(defined)].append((summary, defined))
    for (of_median, _), found in alike.items():
        values = np.array([defined for _, defined in found], dtype=float)
        for (summary, _), mean in zip(found, values.mean(axis=1), strict=True):
            summary["mean"] = float(mean)
        if of_median:
            ends = zip(found, np.median(values, axis=1), *median_intervals(values), strict=True)
            for (summary, _), median, low, high in ends:
                summary |= {"low": None, "high": None, "median": float(median)}
                summary |= {"median_low": number_or_none(low), "median_high": number_or_none(high)}
    return contents
