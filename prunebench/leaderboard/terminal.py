"""A board on the terminal."""

from collections.abc import Iterator
from dataclasses import dataclass

from msgspec import UNSET
from rich.console import Console, ConsoleOptions, ConsoleRenderable, Group, RenderableType, RenderHook
from rich.markup import escape
from rich.measure import Measurement
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from prunebench.escape import for_terminal
from prunebench.leaderboard.board import Board
from prunebench.leaderboard.columns import OVERVIEW, Column, marked_name, ranked
from prunebench.leaderboard.tables import Line, lines
from prunebench.leaderboard.text import facts, heading, notes
from prunebench.results import Row

# Where the terminal is narrow, columns go in this order; the files have them all.
_FIRST_TO_GO = tuple(OVERVIEW[place] for place in (1, 2, 4, 5, 3))


def render(board: Board, rows: list[Row] | None = None) -> RenderableType:
    """The board's table (or that of some of its rows), with intervals, and what stands around it."""
    return _Table(board, ranked(board.rows if rows is None else rows))


@dataclass(frozen=True, eq=False)
class _Table:
    """As many columns as are wide enough; the others are named below the table."""

    board: Board
    rows: list[Row]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        columns = [c for c in OVERVIEW if any(c.summary(row) for row in self.rows)]
        found = lines(self.rows, columns, self.board.rows)
        shown = columns
        left_out = [column for column in _FIRST_TO_GO if column in columns]
        for count in range(len(left_out) + 1):
            shown = [column for column in columns if column not in left_out[:count]]
            table = self._table(found, shown)
            if Measurement.get(console, options.update(width=10_000), table).maximum <= options.max_width:
                break
        yield table
        for row in self.rows:
            if row.error:
                yield Text(f"failed: {row.scorer} at step {row.at_step}: {row.error}", style="red")
        hidden = ", ".join(column.title for column in columns if column not in shown)
        wider = f"In a wider terminal, and in the board's files: {hidden}." if hidden else None
        accuracy = "Accuracy: on the test set, in %."
        for line in (*facts(self.board), *notes(self.board), accuracy, wider):
            if line:
                yield Text(line, style="dim")

    def _table(self, found: list[Line], columns: list[Column]) -> Table:
        table = Table(title=escape(heading(self.board)), title_justify="left", title_style="bold")
        table.add_column("step", justify="right")
        table.add_column("rank", justify="right")
        table.add_column("scorer", no_wrap=True)
        for column in columns:
            table.add_column(column.title)
        own_steps = any(row.cost.extra_gradient_steps for row in self.rows)
        if own_steps:
            table.add_column("own steps", justify="right")
        previous = None
        for row, rank, all_cells in found:
            if previous is not None and row.at_step != previous:
                table.add_section()
            previous, failed, extra = row.at_step, row.status != "ok", row.cost.extra_gradient_steps
            cells = [str(cell) for cell in all_cells if cell.column in columns]
            if failed:
                cells = ["failed", *cells[1:]] if cells else []
            if own_steps:
                cells.append(f"{extra:,}" if extra else "")
            style = "red" if failed else "dim" if row.control else None
            table.add_row(str(row.at_step), rank, escape(marked_name(row)), *cells, style=style)
        return table


def render_row(board: Board, row: Row) -> RenderableType:
    """One row in full: every metric with its interval and its value per seed, cost and provenance."""
    table = Table(title=escape(f"{heading(board)}: {marked_name(row)} at step {row.at_step}"))
    table.title_justify, table.title_style = "left", "bold"
    for name in ("metric", "mean", "median", "95 % interval"):
        table.add_column(name)
    table.add_column(f"by seed ({', '.join(map(str, row.seeds))})")
    for path, summary in row.metrics.items():
        middle, low, high = summary.middle
        interval = "" if low is None or high is None else f"{low:.3f} to {high:.3f}"
        median = "" if summary.median is UNSET else f"{middle:.3f}"
        seeds = " ".join("-" if value is None else f"{value:.2f}" for value in summary.per_seed)
        table.add_row(" ".join(path), f"{summary.mean:.3f}", median, interval, seeds)
    cost = row.cost
    said = [
        f"status: {row.status}" + (f" ({row.error})" if row.error else ""),
        f"version {row.version}, source {row.source}, parameters {row.parameters}",
        f"cost: {cost.gradient_steps} steps to the snapshot, {cost.extra_gradient_steps} of its own, "
        f"{cost.seconds:.3f} s of scoring",
        f"this row again: {row.command}",
        f"made with {', '.join(f'{key} {value}' for key, value in row.environment.items())}",
    ]
    return Group(table, *(Text(line, style="dim") for line in said))


def console(*, stderr: bool = False) -> Console:
    """A console that does not squeeze tables where there is no terminal."""
    made = Console(stderr=stderr, highlight=False)
    if not made.is_terminal:
        made = Console(stderr=stderr, highlight=False, width=185)
    made.push_render_hook(_Harmless())
    return made


class _Harmless(RenderHook):
    """Nothing that is printed is obeyed by the terminal, whoever wrote it: only rich's own styles are."""

    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        """Wrap all of them."""
        return [_Shown(renderable) for renderable in renderables]


@dataclass(frozen=True, eq=False)
class _Shown:
    what: ConsoleRenderable

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        for text, style, control in console.render(self.what, options):
            yield Segment(text if control else for_terminal(text, lines=True), style, control)
