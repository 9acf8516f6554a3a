"""What the charts show, prepared in one place for the page and the figures."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Int

from prunebench.evaluation.comparison import RankInterval
from prunebench.evaluation.statistics import intervals
from prunebench.leaderboard.board import Board, Row
from prunebench.leaderboard.columns import RANK, Column, Section, ranked, sections
from prunebench.leaderboard.standing import rank_rows
from prunebench.leaderboard.text import heading

Summary = dict[str, Any]
SPEARMAN = RANK[0]
PROTOCOLS = {
    "prune_final": "Pruned at the end",
    "merge": "Merged at the end",
    "prune_early": "Pruned early, then trained",
}
SPLITS = {"accuracy": "test", "train_accuracy": "train"}
DRAWN_SCORERS = 6  # lines that can still be told apart at a glance
DRAWN_NEURONS = 400  # more would only hide each other


@dataclass(frozen=True)
class ChartRow:
    """A row with what charts need beside its summaries.

    Attributes:
        rank: among the predictors at its step; None where it was not compared.
        steps: gradient steps a prediction takes: to the snapshot and the scorer's own.
        seconds: what these steps and the scoring took, per network; None where it was not measured.
    """

    row: Row
    rank: RankInterval | None
    steps: int
    seconds: float | None

    @property
    def name(self) -> str:
        """The scorer's name: other people's text."""
        return str(self.row["scorer"])

    @property
    def step(self) -> int:
        """The snapshot's step."""
        return int(self.row["at_step"])

    @property
    def spearman(self) -> Summary | None:
        """Rank correlation with the final norms."""
        return SPEARMAN.summary(self.row)

    @property
    def scores(self) -> list[float] | None:
        """The scores of the example network."""
        example = self.row.get("example")
        return example["scores"] if example else None


@dataclass(frozen=True)
class Verdict:
    """Which early predictor wins at a step, by how much, and how sure that is.

    Attributes:
        row: the best by mean of those that take fewer steps than one training.
        ahead: difference to the runner-up, paired over seeds, with its interval.
        runner_up: the next best by mean on the same seeds.
        tied: how many others it is not told apart from; None where nothing was compared.
        costly: the best that takes a training or more, where it predicts better.
    """

    row: ChartRow
    runner_up: str | None
    ahead: Summary | None
    tied: int | None
    costly: ChartRow | None


class ChartBoard:
    """A board as charts show it."""

    def __init__(self, board: Board) -> None:
        self.board = board
        ranks = rank_rows(board.rows)
        self.rows = [
            ChartRow(row, ranks.get((row["scorer"], row["at_step"])), _steps(row), _seconds(board, row))
            for row in ranked(board.rows)
        ]

    @property
    def name(self) -> str:
        """The board's name, unlike any other's."""
        return self.board.name

    @property
    def task(self) -> str:
        """The task in words."""
        return heading(self.board)

    @property
    def recipe(self) -> str:
        """What sets recipes of one task apart, in words."""
        recipe = self.board.recipe
        until = f" or loss {recipe['until_loss']:g}" if recipe.get("until_loss") else ""
        return (
            f"{recipe['width']:,} neurons, init std {recipe['init_std']:g}, learning rate "
            f"{recipe['learning_rate']:g}, momentum {recipe['momentum']:g}, batch {recipe['batch_size']}, "
            f"{recipe['steps']:,} steps{until}"
        )

    @cached_property
    def steps(self) -> list[int]:
        """The steps with rows, ascending."""
        return sorted({row.step for row in self.rows})

    @cached_property
    def sections(self) -> list[Section]:
        """The tables that the rows can fill."""
        return sections(self.board.rows)

    @property
    def predictors(self) -> list[ChartRow]:
        """Rows that compete: neither controls nor scorers that see the end."""
        return [row for row in self.rows if not row.row["control"] and not row.row["sees_end"]]

    def at(self, step: int) -> list[ChartRow]:
        """The rows at this step."""
        return [row for row in self.rows if row.step == step]

    @property
    def training_steps(self) -> int:
        """Gradient steps of one whole training."""
        return int(self.board.training.get("gradient_steps") or self.board.recipe["steps"])

    def verdict(self, step: int) -> Verdict | None:
        """The best early predictor at this step; None where none has a rank correlation."""
        order = [row for row in self.predictors if row.step == step and row.spearman]
        early = [row for row in order if row.steps < self.training_steps]
        if not early:
            return None
        best, *others = early
        costly = order[0] if order[0] is not best else None
        tied = None if best.rank is None else best.rank.last - best.rank.first
        second = next((row for row in others if row.row["seeds"] == best.row["seeds"]), None)
        if second is None:
            return Verdict(best, None, None, tied, costly)
        return Verdict(best, second.name, _difference(best.row, second.row), tied, costly)

    @cached_property
    def order(self) -> list[str]:
        """Predictors by their mean rank correlation before the plateau ends, the best first.

        After it the norms themselves have told the end, and every score that follows them is right.
        """
        early: dict[str, list[float]] = {row.name: [] for row in self.predictors if row.spearman}
        for row in self.predictors:
            if row.spearman and (row.row["relative_time"] or 0) <= 1:
                early[row.name].append(row.spearman["mean"])
        means = {name: sum(values) / len(values) if values else -1.0 for name, values in early.items()}
        return sorted(means, key=lambda name: (-means[name], name))

    @property
    def drawn_scorers(self) -> list[str]:
        """Those that line charts show unless others are chosen: the best, and all that train networks."""
        trains = {row.name for row in self.predictors if row.row["cost"]["extra_gradient_steps"]}
        return [name for i, name in enumerate(self.order) if i < DRAWN_SCORERS or name in trains]

    def kept_curves(self, protocol: str, split: str) -> list[Column]:
        """The columns that an accuracy curve runs through, from the largest share kept to the smallest."""
        columns = [column for section in self.sections for column in section.columns]
        return [column for column in columns if column.path[:2] == (split, protocol)]

    def dense(self, split: str) -> Summary:
        """Accuracy of the whole networks."""
        summary: Summary = self.board.training[split]["dense"]
        return summary

    @cached_property
    def norms(self) -> list[float] | None:
        """Final norms of the example network."""
        example = self.board.training.get("example")
        return example["norms"] if example else None

    @cached_property
    def drawn_neurons(self) -> Int[np.ndarray, " drawn"]:
        """Which neurons of the example network are drawn: at most 400, evenly over their norms' ranks."""
        order = np.argsort(np.asarray(self.norms or []), kind="stable")
        places = np.linspace(0, len(order) - 1, min(len(order), DRAWN_NEURONS)).round().astype(int)
        return order[places]

    def scattered(self) -> list[ChartRow]:
        """Rows whose scores can be drawn against the norms: the same network, as many neurons."""
        if self.norms is None:
            return []
        seed, width = self.board.training["example"]["seed"], len(self.norms)
        return [
            row
            for row in self.rows
            if row.scores is not None and len(row.scores) == width and row.row["example"]["seed"] == seed
        ]


def chart_boards(boards: Sequence[Board]) -> list[ChartBoard]:
    """Boards by task and then by recipe, as people look for them."""

    def order(board: Board) -> tuple[str, int, str, float, str]:
        recipe = board.recipe
        return heading(board), recipe["width"], board.task["fingerprint"], recipe["init_std"], board.name

    return [ChartBoard(board) for board in sorted(boards, key=order)]


def _steps(row: Row) -> int:
    return int(row["cost"]["gradient_steps"] + row["cost"]["extra_gradient_steps"])


def _seconds(board: Board, row: Row) -> float | None:
    training = board.training
    if not {"seconds", "gradient_steps"} <= set(training) or not training["gradient_steps"]:
        return None
    a_step = training["seconds"] / len(training["train_loss"]["per_seed"]) / training["gradient_steps"]
    seconds = row["cost"]["seconds"] / len(row["seeds"]) + a_step * row["cost"]["gradient_steps"]
    return float(seconds) if seconds > 0 else None


def _difference(best: Row, second: Row) -> Summary | None:
    pairs = zip(best["spearman"]["per_seed"], second["spearman"]["per_seed"], strict=True)
    differences = np.array([a - b for a, b in pairs if a is not None and b is not None])
    if not len(differences):
        return None
    low, high = (float(end[0]) for end in intervals(differences[None]))
    known = bool(np.isfinite([low, high]).all())
    return {
        "mean": float(differences.mean()),
        "low": low if known else None,
        "high": high if known else None,
    }
