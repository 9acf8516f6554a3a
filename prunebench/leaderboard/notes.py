"""How to read what is drawn of a board: notes on the columns, marks and ranks there, and on no others."""

from collections.abc import Sequence
from functools import cached_property

from prunebench.evaluation.metrics import kind_of
from prunebench.leaderboard.board import Board
from prunebench.leaderboard.column import OF_CEILING, Column
from prunebench.leaderboard.columns import CONTROL, SEES_END, SHUFFLED_SPEARMAN, SPEARMAN
from prunebench.leaderboard.cost import COST_READ
from prunebench.leaderboard.ranks import ALIKE, CHANCE, FIRST, chance_note, floor_note, left_out_note
from prunebench.leaderboard.tables import Line
from prunebench.results import Row

_MEANS = "Mean over seeds with its 95 % interval (bootstrap-t and Student's t)."
_ACCURACIES = (
    "Accuracies: the mean, and after the point the median with its exact 95 % interval; rare collapses leave "
    "open how far off the mean is."
)
SIGNS = {
    SEES_END: "sees the end of training, so no predictor.",
    CONTROL: "control.",
    FIRST: "first: at its step no scorer is significantly better, and some are worse.",
    CHANCE: "not significantly better than random.",
}
MARKS = " ".join(f"{sign} {words}" for sign, words in SIGNS.items())
_ALIKE_READ = f"{ALIKE} the two do not differ significantly."
_LABELS = (
    "Shuffled labels: the Spearman correlation of the scores that the scorer gives when every network's "
    "training labels are shuffled; what it is above that, it learnt from the task."
)
_CEILING = (
    "% of ceiling: the Spearman correlation over the noise ceiling of its step, the root of the twin's own "
    "(of layers, the mean of theirs): what a predictor would reach that knew all but the minibatches to come."
)
RANKS = (
    "Rank by Spearman correlation at the step. A rank such as 3-5 is an interval: two scorers are "
    "significantly better, and the seeds leave open which of these ranks it is (exact paired Wilcoxon test "
    "over seeds of all pairs, Holm-corrected, level 0.05)."
)


class Drawn:
    """What stands in some lines of a board's tables."""

    def __init__(self, board: Board, lines: Sequence[Line]) -> None:
        self.board, self.lines = board, lines

    @cached_property
    def columns(self) -> list[Column]:
        """Those with a number."""
        cells = (cell for line in self.lines for cell in line.cells)
        return list(dict.fromkeys(cell.column for cell in cells if cell.column.summary(cell.row)))

    @cached_property
    def signs(self) -> set[str]:
        """At names and at numbers."""
        rows = [line.row for line in self.lines]
        ends, controls = any(row.sees_end for row in rows), any(row.control for row in rows)
        at_names = {sign for sign, there in ((SEES_END, ends), (CONTROL, controls)) if there}
        return at_names | {cell.mark for line in self.lines for cell in line.cells}

    @property
    def accuracies(self) -> bool:
        """Whether there are any."""
        return any(kind_of(column.path) == "accuracy" for column in self.columns)

    @property
    def means(self) -> bool:
        """Whether there are any others, with intervals."""
        return any(kind_of(column.path) != "accuracy" and not column.bare for column in self.columns)

    @property
    def labels(self) -> str | None:
        """What shuffled labels are, and their mark."""
        if SHUFFLED_SPEARMAN not in self.columns:
            return None
        return f"{_LABELS} {_ALIKE_READ}" if ALIKE in self.signs else _LABELS

    @property
    def rows_of_steps(self) -> list[Row]:
        """The board's rows, drawn or not, at the steps of the lines: they share their comparisons."""
        steps = {line.row.at_step for line in self.lines}
        return [row for row in self.board.rows if row.at_step in steps]

    @property
    def floor(self) -> str | None:
        """Why ranks there are tied, whichever are drawn."""
        return floor_note(self.rows_of_steps)


def notes(board: Board, lines: Sequence[Line], *, cost: bool) -> list[str]:
    """How to read tables of these lines; `cost`: they say what predictions cost."""
    drawn = Drawn(board, lines)
    reading = [*([_MEANS] if drawn.means else []), *([_ACCURACIES] if drawn.accuracies else [])]
    signs = (f"{sign} {words}" for sign, words in SIGNS.items() if sign in drawn.signs)
    ranks = RANKS if any(line.rank for line in lines) else None
    rows = drawn.rows_of_steps
    found = [
        " ".join([*reading, *signs]),
        drawn.labels,
        " ".join(filter(None, (ranks, drawn.floor, left_out_note(rows)))),
        _CEILING if any(column.path[0] == OF_CEILING for column in drawn.columns) else None,
        COST_READ if cost else None,
        chance_note(rows) if SPEARMAN in drawn.columns else None,
        board.lacks,
    ]
    return [*filter(None, found)]
