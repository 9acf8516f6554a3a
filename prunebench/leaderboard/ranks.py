"""Ranks on a board, tied where the difference is not significant, and the marks that say so."""

from collections import defaultdict

import numpy as np

from prunebench.evaluation.comparison import (
    LEVEL,
    RankInterval,
    beats,
    holm,
    rank_intervals,
    seeds_needed,
    signed_ranks,
)
from prunebench.evaluation.summary import Number
from prunebench.leaderboard.column import Column
from prunebench.leaderboard.columns import SHUFFLED_SPEARMAN, SPEARMAN
from prunebench.results import Row
from prunebench.words import plural

RowKey = tuple[str, int]
FIRST, CHANCE, ALIKE = "*", "°", "≈"
RANDOM = "random"


def rank_rows(rows: list[Row], column: Column = SPEARMAN) -> dict[RowKey, RankInterval]:
    """Ranks by a column among the predictors at each step, for rows on the same seeds.

    The oracle sees the end and takes no part. Rows on other seeds than most at their step have no rank: the
    comparison is paired.
    """
    return {
        (scorer, step): interval
        for step, values in _comparable(rows, column).items()
        for scorer, interval in rank_intervals(values).items()
    }


def better_than(row: Row, rows: list[Row], column: Column) -> set[str]:
    """The scorers that are significantly better than this row's, among all rows at its step."""
    values = _comparable(rows, column).get(row.at_step, {})
    return {better for better, worse in beats(values) if worse == row.scorer}


def marks(rows: list[Row], column: Column) -> dict[RowKey, str]:
    """`*` where no scorer is significantly better and some are worse; `°` where random is not worse.

    All pairs at a step are one family, so on a board of equals a star appears with a chance of 5 % at most in
    a column at a step. Where the seeds are too few to tell anything there are no marks, and no star where a
    row that could not be compared has a higher mean.
    """
    found: dict[RowKey, str] = {}
    left_out = _left_out(rows, column)
    for step, values in _comparable(rows, column).items():
        if _too_few(values):
            continue
        pairs = beats(values)
        better, worse = {first for first, _ in pairs}, {second for _, second in pairs}
        others = [mean for row, mean in left_out if row.at_step == step]
        for scorer in values:
            if scorer in better - worse:
                if all(values[scorer].mean() >= mean for mean in others):
                    found[scorer, step] = FIRST
            elif RANDOM in values and scorer != RANDOM and (scorer, RANDOM) not in pairs:
                found[scorer, step] = CHANCE
    return found


def label_marks(rows: list[Row]) -> dict[RowKey, str]:
    """`≈` where the Spearman correlation does not differ significantly from that with shuffled labels.

    All scorers at a step are one family. Where the seeds are too few to tell anything there are no marks.
    """
    differences: dict[int, dict[RowKey, np.ndarray]] = defaultdict(dict)
    for row in rows:
        own, shuffled = row.spearman, SHUFFLED_SPEARMAN.summary(row)
        if own is None or shuffled is None:
            continue
        pairs = zip(own.tested, shuffled.tested, strict=True)
        values = [a - b for a, b in pairs if a is not None and b is not None]
        if values:
            differences[row.at_step][row.key] = np.array([values])
    found: dict[RowKey, str] = {}
    for at_step in differences.values():
        adjusted = holm([float(signed_ranks(each)[0][0]) for each in at_step.values()])
        for (key, each), p in zip(at_step.items(), adjusted, strict=True):
            if p > LEVEL and each.shape[1] >= seeds_needed(len(at_step)):
                found[key] = ALIKE
    return found


def untested(rows: list[Row], column: Column) -> dict[int, int]:
    """The seeds at each step where these are too few for any difference in a column to be significant."""
    return {step: _sizes(values)[0] for step, values in _comparable(rows, column).items() if _too_few(values)}


def floor_note(rows: list[Row]) -> str | None:
    """Why no rank can be significant at some steps, with too few seeds for the number of comparisons there.

    Other columns may compare fewer scorers, and have marks.
    """
    steps = defaultdict[tuple[int, int, int], list[int]](list)
    for step, values in _comparable(rows, SPEARMAN).items():
        if _too_few(values):
            steps[*_sizes(values), len(values)].append(step)
    notes = (
        f"All ranks at step{'s' if len(at) > 1 else ''} {', '.join(map(str, at))} are tied, and the Spearman "
        f"correlation has no * and no °: {plural(seeds, 'seed')} cannot separate {scorers} scorers "
        f"({pairs} corrected comparisons need {seeds_needed(pairs)} seeds)."
        for (seeds, pairs, scorers), at in steps.items()
    )
    return " ".join(notes) or None


def left_out_note(rows: list[Row]) -> str | None:
    """Which rows have no rank, since they are of other networks than most at their step."""
    names = [f"{row.scorer} at step {row.at_step}" for row, _ in _left_out(rows, SPEARMAN)]
    if not names:
        return None
    return f"Without a rank, being on other seeds than most or without a number for some: {', '.join(names)}."


def chance_note(rows: list[Row]) -> str | None:
    """What rank correlation random scores reach: the range over draws and steps of their means."""
    found = [
        (row.draws, row.spearman.band)
        for row in rows
        if row.scorer == RANDOM and row.spearman and row.spearman.band
    ]
    if not found:
        return None
    low, high = min(band.low for _, band in found), max(band.high for _, band in found)
    return (
        f"Random scores reach a Spearman correlation of {SPEARMAN.number(low)} to {SPEARMAN.number(high)} "
        f"(the means of {found[0][0]} draws at each step)."
    )


def _comparable(rows: list[Row], column: Column) -> dict[int, dict[str, np.ndarray]]:
    """Values per seed by step and scorer that can be compared pairwise: the largest set on the same seeds."""
    by_step: dict[int, dict[tuple[int, ...], dict[str, np.ndarray]]] = defaultdict(lambda: defaultdict(dict))
    for row in rows:
        summary = column.summary(row)
        if summary and not row.sees_end and None not in summary.tested:
            order = sorted(range(len(row.seeds)), key=row.seeds.__getitem__)
            same_seeds = by_step[row.at_step][tuple(row.seeds[i] for i in order)]
            same_seeds[row.scorer] = np.array(summary.tested, dtype=float)[order]
    return {
        step: sets[max(sets, key=lambda seeds: (len(sets[seeds]), len(seeds), seeds))]
        for step, sets in sorted(by_step.items())
    }


def _left_out(rows: list[Row], column: Column) -> list[tuple[Row, Number]]:
    """Rows with a mean that are not among those that can be compared at their step."""
    compared = _comparable(rows, column)
    return [
        (row, summary.mean)
        for row in rows
        if not row.sees_end
        and row.scorer not in compared.get(row.at_step, {})
        and (summary := column.summary(row)) is not None
    ]


def _sizes(values: dict[str, np.ndarray]) -> tuple[int, int]:
    """Seeds, and pairs of scorers."""
    return len(next(iter(values.values()))), len(values) * (len(values) - 1) // 2


def _too_few(values: dict[str, np.ndarray]) -> bool:
    seeds, pairs = _sizes(values)
    return pairs > 0 and seeds < seeds_needed(pairs)
