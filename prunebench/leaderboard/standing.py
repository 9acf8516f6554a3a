"""Ranks on a board, tied where the difference is not significant."""

from collections import defaultdict

import numpy as np

from prunebench.evaluation.comparison import Standing, seeds_needed, standings
from prunebench.leaderboard.board import Row

Key = tuple[str, int]


def rank_rows(rows: list[Row]) -> dict[Key, Standing]:
    """Ranks by Spearman correlation among the predictors at each step, for rows on the same seeds.

    The oracle sees the end and takes no part. Rows on other seeds than most at their step have no rank: the
    comparison is paired.
    """
    ranks: dict[Key, Standing] = {}
    for step, group in _comparable(rows).items():
        values = {row["scorer"]: np.array(row["spearman"]["per_seed"]) for row in group}
        for scorer, standing in standings(values).items():
            ranks[scorer, step] = standing
    return ranks


def floor_note(rows: list[Row]) -> str | None:
    """Why nothing can be significant here, where there are too few seeds for the number of comparisons."""
    for step, group in _comparable(rows).items():
        pairs, seeds = len(group) * (len(group) - 1) // 2, len(group[0]["seeds"])
        if pairs and seeds < seeds_needed(pairs):
            return (
                f"All ranks at step {step} are tied: {seeds} seeds cannot separate {len(group)} scorers "
                f"({pairs} corrected comparisons need {seeds_needed(pairs)} seeds)."
            )
    return None


def _comparable(rows: list[Row]) -> dict[int, list[Row]]:
    """Rows by step that can be compared pairwise: the largest set on the same seeds."""
    by_step: dict[int, dict[tuple[int, ...], list[Row]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        summary = row.get("spearman")
        if summary and not row["sees_end"] and None not in summary["per_seed"]:
            by_step[row["at_step"]][tuple(row["seeds"])].append(row)
    return {step: max(sets.values(), key=len) for step, sets in sorted(by_step.items())}
