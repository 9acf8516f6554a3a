"""What a board shows, in one place for the terminal, Markdown, CSV and LaTeX."""

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from operator import itemgetter

from prunebench.evaluation.metrics import BY_LAYER, FROM_LABELS, SHUFFLED_LABELS, SPLITS, Path
from prunebench.evaluation.protocols import DESCRIBED, KEEPING, SHUFFLED, Protocol
from prunebench.evaluation.summary import known
from prunebench.leaderboard.ceiling import ceilings
from prunebench.leaderboard.column import (
    LEFT,
    OF_CEILING,
    OF_CEILING_BY_LAYER,
    Column,
    FromLabels,
    OfCeiling,
    ShuffledLabels,
)
from prunebench.results import Results, Row


@dataclass(frozen=True)
class Section:
    """A table of the board."""

    title: str
    note: str
    columns: tuple[Column, ...]


GLOBAL: Protocol = "prune_global"
SEES_END, CONTROL = "†", "‡"  # at names

SPEARMAN = Column("Spearman", ("spearman",))
SHUFFLED_SPEARMAN = ShuffledLabels("shuffled labels", SHUFFLED_LABELS)
OVER_LAYERS = Column("over layers", ("spearman_over_layers",))
WITHIN_GROUPS = Column("within groups", ("spearman_within_groups",))
TOP_10 = Column("top 10 %", ("top_k_overlap", "0.1"))
RANK = (
    SPEARMAN,
    SHUFFLED_SPEARMAN,
    FromLabels("from labels", FROM_LABELS),
    OVER_LAYERS,
    Column("Kendall", ("kendall",)),
    WITHIN_GROUPS,
    TOP_10,
    Column("top 20 %", ("top_k_overlap", "0.2")),
    Column("top 50 %", ("top_k_overlap", "0.5")),
    Column("sign", ("sign_agreement",)),
)

# The few that fit a terminal and an overview, the telling shares among them; the files have them all. Where
# even these are too wide, those with the highest number go first.
_OVERVIEW: dict[bool, tuple[tuple[int, Column], ...]] = {
    False: (
        (0, SPEARMAN),
        (6, SHUFFLED_SPEARMAN),
        (5, WITHIN_GROUPS),
        (4, TOP_10),
        (1, Column("pruned to 10 %", ("accuracy", "prune_final", "0.1"))),
        (3, Column("merged to 10 %", ("accuracy", "merge", "0.1"))),
        (2, Column("early 2 %", ("accuracy", "prune_early", "0.02"))),
    ),
    True: (
        (0, SPEARMAN),
        (5, SHUFFLED_SPEARMAN),
        (8, OVER_LAYERS),
        (9, TOP_10),
        (1, Column("pruned to 50 %", ("accuracy", "prune_final", "0.5"))),
        (4, Column("merged to 50 %", ("accuracy", "merge", "0.5"))),
        (2, Column("finetuned at 35 %", ("accuracy", "finetune", "0.35"))),
        (3, Column("early 20 %", ("accuracy", "prune_early", "0.2"))),
        (6, Column("over all to 50 %", ("accuracy", GLOBAL, "0.5"))),
        (7, Column("its shuffled", ("accuracy", SHUFFLED, "0.5"), bare=True)),
    ),
}

PRUNING = {protocol: DESCRIBED[protocol] for protocol in KEEPING}


def overview(board: Results) -> tuple[Column, ...]:
    """The board's few most telling columns, with numbers or without."""
    first, *others = (column for _, column in _OVERVIEW[board.layered])
    return first, *ceiling_columns(board), *others


def telling(board: Results, most: int) -> list[Column]:
    """Of the `overview`, at most so many columns that have numbers."""
    shown = [column for column in overview(board) if any(map(column.summary, board.rows))]
    spare = [column for column in first_to_go(board) if column in shown][: max(0, len(shown) - most)]
    return [column for column in shown if column not in spare]


def first_to_go(board: Results) -> list[Column]:
    """The same, those first that a narrow terminal leaves out first; one always stays."""
    order = sorted(_OVERVIEW[board.layered], key=itemgetter(0), reverse=True)
    return [*(column for place, column in order if place > 1), *ceiling_columns(board), order[-2][1]]


def sections(board: Results) -> list[Section]:
    """The tables that the board's rows can fill."""
    paths = {path for row in board.rows for path in row.metrics}
    tables = []
    if SPEARMAN.path in paths:
        every = RANK[0], *ceiling_columns(board), *RANK[1:]
        columns = tuple(column for column in every if any(map(column.summary, board.rows)))
        tables.append(Section("Prediction of the final norms", _rank_note(board), columns))
    if columns := layer_columns(board):
        tables.append(Section("Prediction layer by layer", layers_note(board), columns))
    if truths := sorted(path for path in paths if path[0] == "spearman_with"):
        columns = tuple(Column(path[1], path) for path in truths)
        tables.append(Section("Prediction of other truths", TRUTHS_READ, columns))
    by_share = sorted((path for path in paths if len(path) == 3), key=_share, reverse=True)
    for protocol, (title, note) in PRUNING.items():
        words = note.format(units=board.units_word, unit=board.units_word.removesuffix("s"))
        for group, split in SPLITS.items():
            shares = [path for path in by_share if path[:2] == (group, protocol)]
            if columns := tuple(column for path in shares for column in _kept(board, path, paths)):
                of = f"{words}; by share of {_kept_of(board, protocol)}"
                tables.append(Section(f"{title}: {split} accuracy", of, columns))
    left = [path for path in by_share if path[:2] == (LEFT, GLOBAL)]
    if columns := tuple(Column(f"{100 * _share(path):g} %", path, bare=True) for path in left):
        note = "share of the parameters that one threshold over all layers leaves; by share of units kept"
        tables.append(Section(f"{PRUNING[GLOBAL][0]}: parameters left", note, columns))
    return tables


def ceiling_columns(board: Results) -> tuple[Column, ...]:
    """The share of the noise ceiling, where the board has twins."""
    found = ceilings(board)
    return (OfCeiling("% of ceiling", (OF_CEILING,), ceilings=found),) if found else ()


def layer_ceiling_columns(board: Results) -> tuple[Column, ...]:
    """The share of its own noise ceiling in each layer, where the board has twins."""
    return tuple(
        OfCeiling(column.title, (OF_CEILING_BY_LAYER, column.path[1]), of=column.path, ceilings=found)
        for column in layer_columns(board)
        if (found := ceilings(board, column.path))
    )


def layer_columns(board: Results) -> tuple[Column, ...]:
    """The rank correlation in each layer that has one, in the order in which the layers run."""
    paths = {path for row in board.rows for path in row.metrics if path[0] == BY_LAYER}
    return tuple(
        Column(f"{layer.name} ({layer.units})", path, bare=True)
        for layer in known(board.training.layers) or ()
        if (path := (BY_LAYER, layer.name)) in paths
    )


def _rank_note(board: Results) -> str:
    if not board.layered:
        return "correlation of the score with the final effective norm; share of the largest neurons found"
    return (
        "correlation of the score with the final effective norm within layers, mean over the layers weighted "
        "by their units (over layers: their plain mean); share of the largest units of each layer found"
    )


def layers_note(board: Results) -> str:
    """How to read the correlations of single layers."""
    few = min(known(board.training.layers) or (), key=lambda layer: layer.units)
    chance = f"chance alone scatters it by {1 / math.sqrt(max(1, few.units - 1)):.2f} a network in {few.name}"
    return f"Spearman correlation in each layer (in brackets its units), means over seeds; {chance}"


def _kept(board: Results, path: Path, paths: Collection[Path]) -> list[Column]:
    """The column of a share, and of a threshold over all layers that of its control beside it."""
    group, protocol, share = path
    title = f"{100 * _share(path):g} %"
    if protocol == GLOBAL:
        control = group, SHUFFLED, share
        return [Column(title, path), *([Column("shuffled", control, bare=True)] if control in paths else [])]
    left = board.left(share)
    return [Column(f"{title} ({left})" if left else title, path)]


def _kept_of(board: Results, protocol: str) -> str:
    if protocol == GLOBAL:
        return "all layers' units kept"
    if not board.layered:
        return "neurons kept"
    return "every layer's units kept (in brackets % of the parameters / of the multiply-adds left)"


def marked_name(row: Row) -> str:
    """The scorer's name, marked where it sees the end (†) or is a control (‡)."""
    return row.scorer + (f" {SEES_END}" if row.sees_end else f" {CONTROL}" if row.control else "")


TRUTHS_READ = (
    "Spearman correlation with what else a unit may be worth in the end (docs/protocols.md), within layers; "
    "of twin[truth=T] with T it is the reliability of T, of oracle[truth=T] how T agrees with the others"
)


def ranked(rows: list[Row]) -> list[Row]:
    """Rows by step, the best rank correlation first; rows without one come last, the unfit at the end."""

    def order(row: Row) -> tuple[int, bool, bool, float, str]:
        mean = row.spearman.mean if row.spearman else None
        return row.at_step, row.status == "unfit", mean is None, -(mean or 0.0), row.scorer

    return sorted(rows, key=order)


def best(rows: Iterable[Row], column: Column, count: int | None = None) -> list[Row]:
    """At each step, so many rows of the highest mean in a column, or all that have one."""
    measured = [(summary.mean, row) for row in rows if (summary := column.summary(row))]
    found: dict[int, list[Row]] = {}
    for _, row in sorted(measured, key=lambda pair: (-pair[0], pair[1].scorer)):
        found.setdefault(row.at_step, []).append(row)
    return [row for step in sorted(found) for row in found[step][:count]]


def _share(path: Path) -> float:
    return float(path[-1])
