"""Several boards side by side: who is best on how many, and whether the boards can tell scorers apart."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Literal

import numpy as np
from jaxtyping import Float

from prunebench.evaluation.friedman import Comparison, average_ranks, compare, ranks
from prunebench.evaluation.statistics import intervals
from prunebench.leaderboard.board import Board
from prunebench.leaderboard.column import Column
from prunebench.results import Row

# A step, or all of a board's up to the end of its plateau: the same moment of trainings that are not alike.
EARLY: Literal["early"] = "early"
Moment = int | Literal["early"]


@dataclass(frozen=True, eq=False)
class Across:
    """The means of a column at a moment: scorers that stand on every one of some boards.

    Attributes:
        family: of the boards: `all`, `shallow` or `layered`.
        boards: names of the boards.
        scorers: by name.
        means: one row for each scorer.
        left_out: scorers that stand on some of the boards only.
        boards_left_out: boards that lack one of the scorers.
    """

    column: Column
    step: Moment
    family: str
    boards: tuple[str, ...]
    scorers: tuple[str, ...]
    means: Float[np.ndarray, "scorers boards"]
    left_out: tuple[str, ...]
    boards_left_out: tuple[str, ...] = ()

    @cached_property
    def average_ranks(self) -> dict[str, float]:
        """Rank averaged over the boards, 1 is best; scorers whose means are equal share their ranks."""
        return dict(zip(self.scorers, average_ranks(self.means).tolist(), strict=True))

    @cached_property
    def rank_ends(self) -> dict[str, tuple[float, float]]:
        """The 95 % interval of each average rank over boards; NaN where they are fewer than three."""
        low, high = intervals(ranks(self.means))
        inside = (np.clip(ends, 1, len(self.scorers)).tolist() for ends in (low, high))
        return dict(zip(self.scorers, zip(*inside, strict=True), strict=True))

    @cached_property
    def firsts(self) -> dict[str, int]:
        """On how many boards no other mean is higher."""
        first = (self.means == self.means.max(axis=0)).sum(axis=1)
        return dict(zip(self.scorers, first.tolist(), strict=True))

    @cached_property
    def win_rates(self) -> dict[str, float]:
        """Share of all boards and others in which its mean is the higher; equal means count half."""
        others = len(self.scorers) - 1
        return {scorer: (others + 1 - rank) / others for scorer, rank in self.average_ranks.items()}

    @property
    def order(self) -> list[str]:
        """The scorers, by average rank."""
        return sorted(self.scorers, key=lambda scorer: (self.average_ranks[scorer], scorer))

    @cached_property
    def comparison(self) -> Comparison | None:
        """Which scorers differ over the boards; None where there are too few boards to tell."""
        return compare(self.scorers, self.means)


def steps_of(boards: Sequence[Board]) -> list[int]:
    """All steps at which something was scored."""
    return sorted({row.at_step for board in boards for row in board.rows})


def across(boards: Sequence[Board], column: Column, step: Moment, family: str = "all") -> Across | None:
    """The boards' means at a moment: the largest table of scorers and boards that has no gap.

    None where no two scorers share two boards. Scorers that see the end take no part.
    """
    found = {board.name: means for board in boards if (means := _means(board, column, step))}
    scorers, names = _without_gaps(found)
    if len(names) < 2:
        return None
    left_out = {scorer for name in names for scorer in found[name]} - set(scorers)
    table = np.array([[found[name][scorer] for name in names] for scorer in scorers])
    rest = tuple(name for name in found if name not in names)
    return Across(column, step, family, tuple(names), tuple(scorers), table, tuple(sorted(left_out)), rest)


def by_family(boards: Sequence[Board], columns: Iterable[Column], moments: Iterable[Moment]) -> list[Across]:
    """Over all boards, then over those of shallow and of layered networks where there are both."""
    shallow, layered = ([board for board in boards if board.layered is kind] for kind in (False, True))
    families = {"all": boards, **({"shallow": shallow, "layered": layered} if shallow and layered else {})}
    every = product(columns, moments, families.items())
    found = (across(some, column, moment, family) for column, moment, (family, some) in every)
    return [one for one in found if one is not None]


def _without_gaps(found: dict[str, dict[str, float]]) -> tuple[list[str], list[str]]:
    """Scorers and boards of the largest table: those on most boards, and the boards that have all of them.

    So neither a scorer that few boards know takes boards away, nor a board of few scorers the others.
    """
    counts = Counter(scorer for means in found.values() for scorer in means)
    order = sorted(counts, key=lambda scorer: (-counts[scorer], scorer))
    tables = [
        (order[:count], [name for name, means in found.items() if means.keys() >= set(order[:count])])
        for count in range(2, len(order) + 1)
    ]
    scorers, names = max(tables, key=lambda table: len(table[0]) * len(table[1]), default=([], []))
    return sorted(scorers), names


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


def early(board: Board, column: Column) -> dict[int, dict[str, float]]:
    """The means of a column up to the end of the plateau, of early predictors and controls, by step."""
    rows = [row for row in board.rows if row.control or board.predicts_early(row)]
    return _up_to_plateau(board, rows, column)


def _up_to_plateau(board: Board, rows: Sequence[Row], column: Column) -> dict[int, dict[str, float]]:
    """The means of some rows by step and scorer, up to the end of the plateau, or all where it has none."""
    end = board.training.drop_step
    return {
        step: means
        for step in steps_of([board])
        if (end is None or step <= end) and (means := _means_at(board, rows, column, step))
    }


def _means(board: Board, column: Column, step: Moment) -> dict[str, float]:
    """Of all scorers, whatever they cost, but for those that see the end."""
    if step == EARLY:
        found = _up_to_plateau(board, board.rows, column).values()
        scorers = dict.fromkeys(scorer for means in found for scorer in means)
        whole = [scorer for scorer in scorers if all(scorer in means for means in found)]
        return {scorer: round(sum(means[scorer] for means in found) / len(found), 10) for scorer in whole}
    return _means_at(board, board.rows, column, step)


def _means_at(board: Board, rows: Sequence[Row], column: Column, step: int) -> dict[str, float]:
    """Rounded: shares that are equal in arithmetic have means whose last bits differ, and are ties."""
    column = column.of_board(board)
    return {
        row.scorer: round(summary.mean, 10)
        for row in rows
        if row.at_step == step and not row.sees_end and (summary := column.summary(row))
    }
