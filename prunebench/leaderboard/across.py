"""Several boards side by side: who is best on how many, and whether the boards can tell scorers apart."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float

from prunebench.evaluation.friedman import Comparison, average_ranks, compare, tasks_needed
from prunebench.leaderboard.board import Board
from prunebench.leaderboard.columns import Column


@dataclass(frozen=True, eq=False)
class Across:
    """The means of a column at a step, of the scorers that stand on every board that has the step.

    Attributes:
        boards: names of the boards.
        scorers: by name.
        means: one row for each scorer.
        left_out: scorers that stand on some of the boards only.
    """

    column: Column
    step: int
    boards: tuple[str, ...]
    scorers: tuple[str, ...]
    means: Float[np.ndarray, "scorers boards"]
    left_out: tuple[str, ...]

    @cached_property
    def average_ranks(self) -> dict[str, float]:
        """Rank averaged over the boards, 1 is best; boards whose means are equal share their ranks."""
        return dict(zip(self.scorers, average_ranks(self.means).tolist(), strict=True))

    @cached_property
    def comparison(self) -> Comparison | None:
        """Which scorers differ over the boards; None where there are too few boards to tell."""
        return compare(self.scorers, self.means)

    @property
    def boards_needed(self) -> int:
        """Fewest boards at which these scorers could be told apart."""
        return tasks_needed(len(self.scorers))


def steps_of(boards: Sequence[Board]) -> list[int]:
    """All steps at which something was scored."""
    return sorted({row.at_step for board in boards for row in board.rows})


def across(boards: Sequence[Board], column: Column, step: int) -> Across | None:
    """The boards' means at a step; None where no two scorers stand on all boards that have it.

    Scorers that see the end take no part.
    """
    found = {board.name: means for board in boards if (means := _means(board, column, step))}
    if not found:
        return None
    scorers = sorted(set.intersection(*(set(means) for means in found.values())))
    if len(scorers) < 2:
        return None
    left_out = {scorer for means in found.values() for scorer in means} - set(scorers)
    table = np.array([[means[scorer] for means in found.values()] for scorer in scorers])
    return Across(column, step, tuple(found), tuple(scorers), table, tuple(sorted(left_out)))


@dataclass(frozen=True, eq=False)
class Wins:
    """How often one scorer's mean is above another's.

    Attributes:
        scorers: the one with the highest share of wins first.
        rates: share of the boards and steps with both in which the row's mean is above the column's, equal
            means counted half; NaN where they never meet.
    """

    scorers: tuple[str, ...]
    rates: Float[np.ndarray, "scorers scorers"]


def wins(boards: Sequence[Board], column: Column) -> Wins | None:
    """Win rates over all boards and steps; None where no two scorers meet."""
    tables = [_means(board, column, step) for board in boards for step in steps_of([board])]
    scorers = sorted({scorer for means in tables for scorer in means})
    values = np.array([[means.get(scorer, np.nan) for means in tables] for scorer in scorers])
    if len(scorers) < 2:
        return None
    first, second = values[:, None], values[None]
    met = (np.isfinite(first) & np.isfinite(second)).sum(axis=2)
    won = (first > second).sum(axis=2) + (first == second).sum(axis=2) / 2
    np.fill_diagonal(met, 0)
    rates = np.full(met.shape, np.nan)
    np.divide(won, met, out=rates, where=met > 0)
    overall = np.where(met > 0, won, 0.0).sum(axis=1) / np.maximum(met.sum(axis=1), 1)
    order = sorted(range(len(scorers)), key=lambda i: (-overall[i], scorers[i]))
    return Wins(tuple(scorers[i] for i in order), rates[np.ix_(order, order)])


@dataclass(frozen=True)
class Early:
    """The means of a column on one board before the network has learnt.

    Attributes:
        steps: scored up to the end of the plateau, or all where it has none.
        means: by scorer, then by step.
    """

    steps: tuple[int, ...]
    means: dict[str, dict[int, float]]


def early(board: Board, column: Column) -> Early:
    """What could be told how early; scorers that see the end take no part."""
    end = board.training.drop_step
    by_step = {
        step: means
        for step in steps_of([board])
        if (end is None or step <= end) and (means := _means(board, column, step))
    }
    scorers = dict.fromkeys(scorer for means in by_step.values() for scorer in means)
    means_of = {
        scorer: {step: means[scorer] for step, means in by_step.items() if scorer in means}
        for scorer in scorers
    }
    return Early(tuple(by_step), means_of)


def _means(board: Board, column: Column, step: int) -> dict[str, float]:
    return {
        row.scorer: summary.mean
        for row in board.rows
        if row.at_step == step and not row.sees_end and (summary := column.summary(row))
    }
