"""What the charts show, prepared in one place for the page and the figures."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Int
from msgspec import UNSET

from prunebench.evaluation.statistics import collapses, paired_difference
from prunebench.evaluation.summary import Summary, known
from prunebench.leaderboard.best_early import BestEarly, best_early
from prunebench.leaderboard.ceiling import TWIN
from prunebench.leaderboard.column import Column
from prunebench.leaderboard.columns import SPEARMAN, Section, best, ranked, sections
from prunebench.results import Results, Row

DRAWN_SCORERS = 6  # lines that can still be told apart at a glance
KINDS = ("predictor", "control", "oracle", "twin")  # of rows
DRAWN_NEURONS = 200  # more would only hide each other


@dataclass(frozen=True)
class Winner(BestEarly):
    """Which early predictor wins at a step, by how much, and how sure that is.

    Attributes:
        runner_up: the next best early predictor by mean on the same seeds.
        ahead: difference to the runner-up, paired over seeds, with its interval; of accuracies the median's.
        costly: the best that takes a training or more, where it predicts better.
    """

    runner_up: str | None
    ahead: Summary | None
    costly: Row | None


class ChartBoard:
    """A board as charts show it."""

    def __init__(self, board: Results) -> None:
        self.board = board
        self.rows = ranked(board.rows)

    @cached_property
    def steps(self) -> list[int]:
        """The steps with rows, ascending."""
        return sorted({row.at_step for row in self.rows})

    @cached_property
    def sections(self) -> list[Section]:
        """The tables that the rows can fill."""
        return sections(self.board)

    @property
    def predictors(self) -> list[Row]:
        """Rows that compete: neither controls nor scorers that see the end."""
        return [row for row in self.rows if row.predicts]

    @cached_property
    def by_order(self) -> list[Row]:
        """The rows as legends name them, predictors first."""
        places = {name: place for place, name in enumerate(self.order)}

        def place(row: Row) -> tuple[int, int, int]:
            return KINDS.index(kind(row)), places.get(row.scorer, len(places)), row.at_step

        return sorted(self.rows, key=place)

    def seconds(self, row: Row) -> float | None:
        """What the steps of a prediction and its scoring took, per network; None: it was not measured."""
        training = self.board.training
        if training.seconds is UNSET or not training.gradient_steps:
            return None
        networks = len(training.metrics["train_loss",].per_seed)
        a_step = training.seconds / networks / training.gradient_steps
        return row.cost.seconds / len(row.seeds) + a_step * row.cost.gradient_steps or None

    def winner(self, step: int, column: Column = SPEARMAN) -> Winner | None:
        """The best early predictor at this step by a column; None where none has a number there."""
        found = best_early(self.board, column, step)
        if found is None:
            return None
        first = found.row
        order = best((row for row in self.predictors if row.at_step == step), column)
        others = (row for row in order if row is not first and self.board.predicts_early(row))
        second = next((row for row in others if row.seeds == first.seeds), None)
        ahead = None
        if second and (one := column.summary(first)) and (other := column.summary(second)):
            ahead = paired_difference(one, other, skewed=collapses(column.path))
        return Winner(
            first, found.tied, found.better, found.untested,
            second.scorer if second else None, ahead, costly=order[0] if order[0] is not first else None,
        )  # fmt: skip

    @cached_property
    def order(self) -> list[str]:
        """Predictors by their mean rank correlation before the plateau ends, the best first.

        After it the norms themselves have told the end, and every score that follows them is right.
        """
        early: dict[str, list[float]] = {row.scorer: [] for row in self.predictors if row.spearman}
        for row in self.predictors:
            if row.spearman and (row.relative_time or 0) <= 1:
                early[row.scorer].append(row.spearman.mean)
        means = {name: sum(values) / len(values) if values else -1.0 for name, values in early.items()}
        return sorted(means, key=lambda name: (-means[name], name))

    @cached_property
    def drawn_scorers(self) -> list[str]:
        """Those that line charts show unless others are chosen: the best, and all that train networks."""
        trains = {row.scorer for row in self.predictors if row.cost.extra_gradient_steps}
        return [name for i, name in enumerate(self.order) if i < DRAWN_SCORERS or name in trains]

    @property
    def norms(self) -> list[float]:
        """Final norms of the example network; none where the board has none."""
        example = known(self.board.training.example)
        return example.norms if example else []

    @cached_property
    def drawn_layers(self) -> list[tuple[str, Int[np.ndarray, " drawn"]]]:
        """Which units of the example network are drawn, by layer: at most 200 of each, evenly by norm.

        The shallow network's one layer has no name; layers that do not fit the norms are taken as one, too.
        """
        layers = [(layer.name, layer.units) for layer in known(self.board.training.layers) or ()]
        if sum(units for _, units in layers) != len(self.norms):
            layers = [("", len(self.norms))]
        drawn, first = [], 0
        for name, units in layers:
            order = first + np.argsort(np.asarray(self.norms[first : first + units]), kind="stable")
            places = np.linspace(0, units - 1, min(units, DRAWN_NEURONS)).round().astype(int)
            drawn.append((name, order[places]))
            first += units
        return drawn

    @property
    def within(self) -> str:
        """What the ranks and norms of drawn units are of, in words, where it is their layer."""
        return " within its layer" if len(self.drawn_layers) > 1 else ""

    def scores(self, row: Row) -> list[float] | None:
        """The row's scores of all units; None unless they are of the network whose norms are."""
        example, norms = known(row.example), known(self.board.training.example)
        if not example or not norms or (example.seed, len(example.scores)) != (norms.seed, len(norms.norms)):
            return None
        return example.scores


def kind(row: Row) -> str:
    """What a row is: one of `KINDS`."""
    if row.name == TWIN:
        return "twin"
    return "oracle" if row.sees_end else "control" if row.control else "predictor"
