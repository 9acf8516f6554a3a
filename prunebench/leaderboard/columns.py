"""What a board shows, in one place for the terminal, Markdown, CSV and LaTeX."""

from collections.abc import Iterable
from dataclasses import dataclass

from msgspec import UNSET

from prunebench.evaluation.metrics import SPLITS, Path, kind_of
from prunebench.evaluation.protocols import Protocol
from prunebench.evaluation.summary import Number, Summary
from prunebench.results import Row


@dataclass(frozen=True)
class Column:
    """A metric's column: its heading and its path in a row."""

    title: str
    path: Path

    @property
    def percent(self) -> bool:
        """Whether it is shown in percent: all but correlations are shares."""
        return kind_of(self.path) != "correlation"

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

    def summary(self, row: Row) -> Summary | None:
        """The metric's summary in this row, or None."""
        return row.metrics.get(self.path)

    def cell(self, row: Row, *, interval: bool = True) -> str:
        """`mean [low, high]`, of accuracies `mean · median [low, high]`; nothing where there is no number."""
        summary = self.summary(row)
        if summary is None:
            return ""
        mean = self.number(summary.mean)
        middle, low, high = summary.middle
        if not interval or low is None or high is None:
            return mean
        median = "" if summary.median is UNSET else f" · {self.number(middle)}"
        return f"{mean}{median} [{self.number(low)}, {self.number(high)}]"

    def number(self, value: Number) -> str:
        """As it is shown: two decimals, or percent with one; never a negative zero."""
        return f"{100 * value:z.1f}" if self.percent else f"{value:z.2f}"


@dataclass(frozen=True)
class Section:
    """A table of the board."""

    title: str
    note: str
    columns: tuple[Column, ...]


RANK = (
    Column("Spearman", ("spearman",)),
    Column("Kendall", ("kendall",)),
    Column("within groups", ("spearman_within_groups",)),
    Column("top 10 %", ("top_k_overlap", "0.1")),
    Column("top 20 %", ("top_k_overlap", "0.2")),
    Column("top 50 %", ("top_k_overlap", "0.5")),
    Column("sign", ("sign_agreement",)),
)

# The few that fit a terminal and an overview; the files have them all. These shares are the telling ones.
OVERVIEW = (
    RANK[0],
    RANK[2],
    RANK[3],
    Column("pruned to 10 %", ("accuracy", "prune_final", "0.1")),
    Column("merged to 10 %", ("accuracy", "merge", "0.1")),
    Column("early 2 %", ("accuracy", "prune_early", "0.02")),
)

# The protocols that keep shares of the neurons: their titles, and what each keeps.
PRUNING: dict[Protocol, tuple[str, str]] = {
    "prune_final": ("Pruned at the end", "the best neurons of the trained network, without retraining"),
    "merge": ("Merged at the end", "every dropped neuron folded into the kept one it is parallel to"),
    "prune_early": ("Pruned early, then trained", "the best neurons at the snapshot, trained to the end"),
}


def sections(rows: list[Row]) -> list[Section]:
    """The tables that these rows can fill."""
    tables = []
    if any(row.spearman for row in rows):
        note = "correlation of the score with the final effective norm; share of the largest neurons found"
        tables.append(Section("Prediction of the final norms", note, RANK))
    paths = {path for row in rows for path in row.metrics}
    for protocol, (title, note) in PRUNING.items():
        for group, split in SPLITS.items():
            shares = sorted(
                (path for path in paths if path[:2] == (group, protocol)), key=_share, reverse=True
            )
            if shares:
                columns = tuple(Column(f"{100 * _share(path):g} %", path) for path in shares)
                tables.append(
                    Section(f"{title}: {split} accuracy", f"{note}; by share of neurons kept", columns)
                )
    return tables


def columns_by_name(rows: Iterable[Row]) -> dict[str, Column]:
    """All metrics of these rows, by their names on the command line."""
    columns = [
        Column(" ".join(path), path) for path in dict.fromkeys(path for row in rows for path in row.metrics)
    ]
    return {column.name: column for column in columns}


def marked_name(row: Row) -> str:
    """The scorer's name, marked where it sees the end (†) or is a control (‡)."""
    return row.scorer + (" †" if row.sees_end else " ‡" if row.control else "")


READING = (
    "Mean over seeds with its 95 % interval (bootstrap-t and Student's t). Accuracies: the mean, and after "
    "the point the median with its exact 95 % interval; rare collapses leave open how far off the mean is."
)
MARKS = (
    "† sees the end of training, so no predictor. ‡ control. * first: at its step no scorer is significantly "
    "better, and some are worse. ° not significantly better than random."
)
RANKS = (
    "Rank by Spearman correlation at the step. A rank such as 3-5 is an interval: two scorers are "
    "significantly better, and the seeds leave open which of these ranks it is (exact paired Wilcoxon test "
    "over seeds of all pairs, Holm-corrected, level 0.05)."
)


def ranked(rows: list[Row]) -> list[Row]:
    """Rows by step, the best rank correlation first; rows without one come last."""

    def order(row: Row) -> tuple[int, bool, float, str]:
        summary = row.spearman
        return row.at_step, summary is None, -(summary.mean if summary else 0.0), row.scorer

    return sorted(rows, key=order)


def _share(path: Path) -> float:
    return float(path[-1])
