"""What a board shows, in one place for the terminal, Markdown, CSV and LaTeX."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from prunebench.evaluation.statistics import collapses
from prunebench.leaderboard.board import Row, summaries

# What has an interval, and the interval's ends.
MEAN, MEDIAN = ("mean", "low", "high"), ("median", "median_low", "median_high")


@dataclass(frozen=True)
class Column:
    """A metric's column: its heading and its path in a row."""

    title: str
    path: tuple[str, ...]
    percent: bool = False

    @property
    def name(self) -> str:
        """Its name on the command line: `accuracy.prune_final.0.1`."""
        return ".".join(self.path)

    @property
    def parts(self) -> tuple[str, ...]:
        """The numbers of a summary, as CSV has them."""
        return ("mean", *MEDIAN) if collapses(self.path) else MEAN

    def summary(self, row: Row) -> dict[str, Any] | None:
        """The metric's summary in this row, or None."""
        value: Any = row
        for key in self.path:
            value = value.get(key) if isinstance(value, dict) else None
        return value if isinstance(value, dict) and "mean" in value else None

    def cell(self, row: Row, *, interval: bool = True) -> str:
        """`mean [low, high]`, of accuracies `mean · median [low, high]`; nothing where there is no number."""
        summary = self.summary(row)
        if summary is None:
            return ""
        mean = self.number(summary["mean"])
        middle, low, high = middle_of(summary)
        if not interval or low is None or high is None:
            return mean
        median = f" · {self.number(middle)}" if "median" in summary else ""
        return f"{mean}{median} [{self.number(low)}, {self.number(high)}]"

    def number(self, value: float) -> str:
        """As it is shown: two decimals, or percent with one; never a negative zero."""
        return f"{100 * value:z.1f}" if self.percent else f"{value:z.2f}"


def middle_of(summary: dict[str, Any]) -> tuple[float, float | None, float | None]:
    """What has an interval, and that interval's ends: the median of accuracies, the mean of all else."""
    name, low, high = MEDIAN if "median" in summary else MEAN
    return summary[name], summary[low], summary[high]


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
    Column("top 10 %", ("top_k_overlap", "0.1"), percent=True),
    Column("top 20 %", ("top_k_overlap", "0.2"), percent=True),
    Column("top 50 %", ("top_k_overlap", "0.5"), percent=True),
    Column("sign", ("sign_agreement",), percent=True),
)

# The few that fit a terminal and an overview; the files have them all. These shares are the telling ones.
OVERVIEW = (
    RANK[0],
    RANK[2],
    RANK[3],
    Column("pruned to 10 %", ("accuracy", "prune_final", "0.1"), percent=True),
    Column("merged to 10 %", ("accuracy", "merge", "0.1"), percent=True),
    Column("early 2 %", ("accuracy", "prune_early", "0.02"), percent=True),
)

_NOTES = {
    "prune_final": ("Pruned at the end", "the best neurons of the trained network, without retraining"),
    "merge": ("Merged at the end", "every dropped neuron folded into the kept one it is parallel to"),
    "prune_early": ("Pruned early, then trained", "the best neurons at the snapshot, trained to the end"),
}


def sections(rows: list[Row]) -> list[Section]:
    """The tables that these rows can fill."""
    tables = []
    if any(row.get("spearman") for row in rows):
        note = "correlation of the score with the final effective norm; share of the largest neurons found"
        tables.append(Section("Prediction of the final norms", note, RANK))
    for protocol, (title, note) in _NOTES.items():
        for group, split in (("accuracy", "test"), ("train_accuracy", "train")):
            shares = {share for row in rows for share in row.get(group, {}).get(protocol, {})}
            columns = tuple(
                Column(f"{100 * float(share):g} %", (group, protocol, share), percent=True)
                for share in sorted(shares, key=float, reverse=True)
            )
            if columns:
                tables.append(
                    Section(f"{title}: {split} accuracy", f"{note}; by share of neurons kept", columns)
                )
    return tables


def tested(summary: dict[str, Any]) -> list[float | None]:
    """The value per seed that tests may look at: of a stochastic scorer, of its first draw alone.

    `per_seed` holds the mean of its draws, which is less spread out and less skewed than any single draw: two
    scorers that draw alike would not differ symmetrically, as the signed-rank test takes for granted. Boards
    of evaluators before 3 have nothing else.
    """
    values: list[float | None] = summary.get("first_draw", summary["per_seed"])
    return values


def columns_by_name(rows: Iterable[Row]) -> dict[str, Column]:
    """All metrics of these rows, by their names on the command line."""
    correlations = {column.path for column in RANK if not column.percent}
    paths = dict.fromkeys(path for row in rows for path, _ in summaries(row))
    columns = [Column(" ".join(path), path, percent=path not in correlations) for path in paths]
    return {column.name: column for column in columns}


def marked_name(row: Row) -> str:
    """The scorer's name, marked where it sees the end (†) or is a control (‡)."""
    return row["scorer"] + (" †" if row["sees_end"] else " ‡" if row["control"] else "")


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
        summary = row.get("spearman")
        return row["at_step"], summary is None, -(summary["mean"] if summary else 0.0), row["scorer"]

    return sorted(rows, key=order)
