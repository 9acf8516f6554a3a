"""A column of a board's tables: a metric, and how its numbers are shown."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from prunebench.evaluation.metrics import FROM_LABELS, SHUFFLED_LABELS, Path, kind_of
from prunebench.evaluation.protocols import SHUFFLED
from prunebench.evaluation.statistics import paired_difference
from prunebench.evaluation.summary import Number, Summary
from prunebench.leaderboard.ceiling import Ceiling, ceilings, share_of_ceiling
from prunebench.results import Results, Row

LEFT = "parameters_left"
OF_CEILING = "share_of_ceiling"
OF_CEILING_BY_LAYER = "share_of_ceiling_by_layer"


@dataclass(frozen=True)
class Column:
    """A metric's column: its heading and its path in a row.

    Attributes:
        bare: shown by its mean alone; it stands beside many others, and the files have its interval.
    """

    title: str
    path: Path
    bare: bool = False

    @property
    def percent(self) -> bool:
        """Whether it is shown in percent: all but correlations are shares."""
        return kind_of(self.path) != "correlation"

    @property
    def compares(self) -> bool:
        """Whether a scorer is the better, the larger it is; not so of controls, and of what is left."""
        return (
            self.path[0] not in (LEFT, OF_CEILING, OF_CEILING_BY_LAYER, *SHUFFLED_LABELS, *FROM_LABELS)
            and SHUFFLED not in self.path
        )

    @property
    def more_is_better(self) -> bool:
        """Whether more of it is better: of shares of the ceiling, too, by which rows are not ranked."""
        return self.compares or self.path[0] in (OF_CEILING, OF_CEILING_BY_LAYER)

    @property
    def name(self) -> str:
        """Its name on the command line: `accuracy.prune_final.0.1`."""
        return ".".join(self.path)

    @property
    def parts(self) -> tuple[str, ...]:
        """The numbers of a summary, as CSV has them."""
        if kind_of(self.path) == "accuracy":
            return "mean", "median", "median_low", "median_high"
        return "mean", "low", "high"

    def of_board(self, board: Results) -> "Column":
        """The same column for this board's rows: some are computed from more than the row."""
        return self

    def summary(self, row: Row) -> Summary | None:
        """The metric's summary in this row, or None."""
        return row.metrics.get(self.path)

    def cell(self, row: Row) -> str:
        """`mean [low, high]`, of accuracies `mean · median [low, high]`; nothing where there is no number."""
        summary = self.summary(row)
        if summary is None:
            return ""
        return self.number(summary.mean) if self.bare else summary.in_words(self.number)

    def number(self, value: Number) -> str:
        """As it is shown: two decimals, or percent with one; never a negative zero."""
        return f"{100 * value:z.1f}" if self.percent else f"{value:z.2f}"


@dataclass(frozen=True)
class ShuffledLabels(Column):
    """The rank correlation with shuffled labels, or in words that there is none."""

    def cell(self, row: Row) -> str:
        """As of all columns."""
        if row.reads_labels is False:
            return "reads none"
        return "–" if row.reads_labels is None else super().cell(row)


@dataclass(frozen=True)
class FromLabels(Column):
    """What the rank correlation is above that with shuffled labels: computed here, from both."""

    def summary(self, row: Row) -> Summary | None:
        """Of the differences of each network."""
        one, other = row.spearman, row.metrics.get(SHUFFLED_LABELS)
        return None if one is None or other is None else paired_difference(one, other)


@dataclass(frozen=True)
class OfCeiling(Column):
    """A rank correlation as a share of its noise ceiling, of one board: computed here, from its twins.

    Attributes:
        of: the correlation.
        ceilings: by step.
    """

    of: Path = ("spearman",)
    ceilings: Mapping[int, Ceiling] = field(default_factory=dict, compare=False, repr=False)

    def of_board(self, board: Results) -> Column:
        """With this board's ceilings."""
        return replace(self, ceilings=ceilings(board, self.of))

    def summary(self, row: Row) -> Summary | None:
        """Of rows on the twin's networks, but for those that see the end."""
        ceiling, score = self.ceilings.get(row.at_step), row.metrics.get(self.of)
        if ceiling is None or score is None or row.sees_end or tuple(row.seeds) != ceiling.seeds:
            return None
        return share_of_ceiling(score, ceiling)
