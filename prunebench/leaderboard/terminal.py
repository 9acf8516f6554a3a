"""A board on the terminal."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from msgspec import UNSET
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from prunebench.evaluation.summary import known
from prunebench.leaderboard.board import Board
from prunebench.leaderboard.ceiling import by_when
from prunebench.leaderboard.column import Column
from prunebench.leaderboard.columns import (
    first_to_go,
    layer_columns,
    layers_note,
    marked_name,
    overview,
    ranked,
)
from prunebench.leaderboard.cost import COST, cost_cells, percent
from prunebench.leaderboard.notes import notes
from prunebench.leaderboard.tables import Line, lines
from prunebench.leaderboard.text import facts, heading, headline, without_numbers
from prunebench.results import Row

Columns = dict[str, list[str]]  # their cells, by their titles

_RIGHT = ("step", "rank", "own steps", COST)


def render(board: Board, rows: list[Row] | None = None, columns: Sequence[Column] = ()) -> RenderableType:
    """By when norms are decided, the board's table (or some rows or columns), and what stands around it."""
    shown = ranked(board.rows if rows is None else rows)
    return _Table(board, [row for row in shown if row.status != "unfit"], shown, columns)


@dataclass(frozen=True, eq=False)
class _Table:
    """As many columns as are wide enough; the others are named below the table."""

    board: Board
    rows: list[Row]
    asked: list[Row]
    chosen: Sequence[Column]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        shown = [c for c in self.chosen or overview(self.board) if any(map(c.summary, self.rows))]
        drawn = lines(self.rows, shown, self.board.rows)
        every = self._columns(drawn, shown)
        columns = dict(every)
        going = [column.title for column in first_to_go(self.board)]
        if self.chosen:  # what was asked for stays longest, and the first of it whatever the width
            going = [COST, *(title for title in going if title != shown[0].title)]
        for title in going:
            if _width(columns) >= options.max_width:
                columns.pop(title, None)
        if (first := headline(self.board)) is not None:
            yield Text(first)
        yield self._table(columns, heading(self.board), options.max_width)
        drawn = [line.of([c for c in shown if c.title in columns]) for line in drawn]
        if not self.chosen and (of_layers := lines(self.rows, layer_columns(self.board), self.board.rows)):
            yield from self._by_layer(of_layers, options.max_width)
            drawn += of_layers
        for what, said in without_numbers(self.asked).items():
            for line in said:
                yield Text(f"{what.lower()}: {line}", style="red" if what == "Failed" else "dim")
        names = ", ".join(title for title in every if title not in columns)
        wider = f"In a wider terminal, and in the board's files: {names}." if names else None
        on_tests = any(c.path[0] == "accuracy" for c in shown if c.title in columns)
        accuracy = "Accuracy: on the test set, in %." if on_tests else None
        by_layer = f"{layers_note(self.board)}." if not self.chosen and layer_columns(self.board) else None
        decided = by_when(self.board)  # the headline says it
        reading = notes(self.board, drawn, cost=COST in columns)
        for note in (*facts(self.board), *reading, by_layer, accuracy, wider):
            if note and note != decided:
                yield Text(note, style="dim")

    def _columns(self, drawn: list[Line], shown: Sequence[Column]) -> Columns:
        """The cells of every column, by its title."""
        columns = _cells(drawn, shown)
        for place, row in enumerate(self.rows if shown else ()):
            if row.status != "ok":
                columns[shown[0].title][place] = row.status
        extra = [row.cost.extra_gradient_steps for row in self.rows]
        if costs := cost_cells(self.board):
            columns[COST] = [costs.get(row.key, "") for row in self.rows]
        elif any(extra):
            columns["own steps"] = [f"{steps:,}" if steps else "" for steps in extra]
        return columns

    def _by_layer(self, of_layers: list[Line], width: int) -> Iterator[RenderableType]:
        """Tables of as many layers as are wide enough, one below the other."""
        step, _, scorer, *layers = _cells(of_layers, layer_columns(self.board)).items()
        tables: list[Columns] = []
        for title, cells in layers:
            layer = {_folded(title): cells}
            if tables and _width(tables[-1] | layer) < width:
                tables[-1] |= layer
            else:
                tables.append(dict([step, scorer]) | layer)
        for place, columns in enumerate(tables):
            title = "further layers" if place else "Spearman correlation layer by layer"
            yield self._table(columns, title, width)

    def _table(self, columns: Columns, heading: str, width: int) -> Table:
        """Names are whole where they leave room for the numbers, which always are."""
        fits = _width(columns) < width
        table = Table(title=escape(heading), title_justify="left", title_style="bold")
        for title in columns:
            whole = title != "scorer" or fits
            table.add_column(
                Text(title), justify="right" if title in _RIGHT else "left", no_wrap=whole, overflow="fold"
            )
        following = [*self.rows, None][1:]
        for row, after, *cells in zip(self.rows, following, *columns.values(), strict=True):
            style = "red" if row.status != "ok" else "dim" if row.control else None
            ends = after is not None and after.at_step != row.at_step
            table.add_row(*map(Text, cells), style=style, end_section=ends)
        return table


def _cells(drawn: list[Line], shown: Sequence[Column]) -> Columns:
    titles = ("step", "rank", "scorer", *(column.title for column in shown))
    found = [[*line.head, *map(str, line.cells)] for line in drawn]
    return {title: [cells[place] for cells in found] for place, title in enumerate(titles)}


def _width(columns: Columns) -> int:
    """What columns take, each with the space and the line beside it; a table has one line more."""
    return sum(max(map(cell_len, (*title.split("\n"), *cells))) + 3 for title, cells in columns.items())


def _folded(title: str) -> str:
    """A layer's name on several lines, broken where its modules are."""
    return title.replace(".", ".\n").replace(" (", "\n(")


def render_row(board: Board, row: Row, width: int) -> RenderableType:
    """One row in full: every metric with its interval and its value per seed, cost and provenance.

    A metric is on one line where the width has room for that beside the seeds, else broken behind its kind.
    """
    table = Table(title=escape(f"{heading(board)}: {marked_name(row)} at step {row.at_step}"))
    table.title_justify, table.title_style = "left", "bold"
    names = {path: ".".join(path) for path in row.metrics}
    room = max(map(len, names.values()), default=0)
    if 3 * room > width:
        halves = {path: (f"{path[0]}.", ".".join(path[1:])) if path[1:] else path for path in names}
        room = max(len(half) for several in halves.values() for half in several)
        names |= {path: "\n".join(halves[path]) for path, name in names.items() if len(name) > room}
    table.add_column("metric", width=room, overflow="fold")
    for name in ("mean", "median", "95 % interval", f"by seed ({', '.join(map(str, row.seeds))})"):
        table.add_column(name)
    for path, summary in row.metrics.items():
        middle, low, high = summary.middle
        interval = "" if low is None or high is None else f"{low:.3f} to {high:.3f}"
        median = "" if summary.median is UNSET else f"{middle:.3f}"
        seeds = " ".join("-" if value is None else f"{value:.2f}" for value in summary.per_seed)
        table.add_row(Text(names[path]), f"{summary.mean:.3f}", median, interval, seeds)
    cost = row.cost
    said = [
        f"status: {row.status}" + (f" ({row.error})" if row.error else ""),
        f"version {row.version}, source {row.source}, parameters {row.parameters}",
        f"cost: {cost.gradient_steps} steps to the snapshot, {cost.extra_gradient_steps} of its own, "
        f"{cost.seconds:.3f} s of scoring{_counted(board, row)}",
        *(["labels: its scores are the same when they are shuffled"] if row.reads_labels is False else []),
        *(f"{protocol}: {error}" for protocol, error in (known(row.errors) or {}).items()),
        f"this row again: {row.command}",
        f"made with {', '.join(f'{key} {value}' for key, value in row.environment.items())}",
    ]
    return Group(table, *(Text(line, style="dim") for line in said))


def _counted(board: Board, row: Row) -> str:
    share = board.share_of_training(row)
    if share is None:
        return ""
    return f"; {row.cost.sample_gradients:,.0f} sample gradients, {percent(share)} of a training"
