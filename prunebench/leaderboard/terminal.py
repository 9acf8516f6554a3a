"""A board on the terminal."""

from collections.abc import Iterator
from dataclasses import dataclass

from msgspec import UNSET
from rich.cells import cell_len
from rich.console import (
    Console,
    ConsoleOptions,
    ConsoleRenderable,
    Group,
    JustifyMethod,
    RenderableType,
    RenderHook,
)
from rich.markup import escape
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from prunebench.escape import for_terminal
from prunebench.leaderboard.board import Board
from prunebench.leaderboard.columns import OVERVIEW, marked_name, ranked
from prunebench.leaderboard.tables import lines
from prunebench.leaderboard.text import facts, heading, notes
from prunebench.results import Row

# Where the terminal is narrow, columns go in this order; the files have them all.
_FIRST_TO_GO = tuple(OVERVIEW[place].title for place in (1, 2, 4, 5, 3))
_TO_THE_RIGHT = ("step", "rank", "own steps")


def render(board: Board, rows: list[Row] | None = None) -> RenderableType:
    """The board's table (or that of some of its rows), with intervals, and what stands around it."""
    return _Table(board, ranked(board.rows if rows is None else rows))


@dataclass(frozen=True, eq=False)
class _Table:
    """As many columns as are wide enough; the others are named below the table."""

    board: Board
    rows: list[Row]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        columns, hidden = self._columns(), []
        for title in _FIRST_TO_GO:
            if sum(_width(title, cells) for title, cells in columns.items()) >= options.max_width:
                hidden += [title] if columns.pop(title, None) else []
        yield self._table(columns)
        for row in self.rows:
            if row.error:
                yield Text(f"failed: {row.scorer} at step {row.at_step}: {row.error}", style="red")
        names = ", ".join(column.title for column in OVERVIEW if column.title in hidden)
        wider = f"In a wider terminal, and in the board's files: {names}." if names else None
        accuracy = "Accuracy: on the test set, in %."
        for line in (*facts(self.board), *notes(self.board), accuracy, wider):
            if line:
                yield Text(line, style="dim")

    def _columns(self) -> dict[str, list[str]]:
        """The cells of every column, by its title."""
        shown = [column for column in OVERVIEW if any(column.summary(row) for row in self.rows)]
        found = lines(self.rows, shown, self.board.rows)
        heads = enumerate(("step", "rank", "scorer"))
        columns = {title: [line.head[place] for line in found] for place, title in heads}
        for place, column in enumerate(shown):
            failed = "" if place else "failed"
            cells = (failed if line.row.status != "ok" else str(line.cells[place]) for line in found)
            columns[column.title] = list(cells)
        extra = [row.cost.extra_gradient_steps for row in self.rows]
        if any(extra):
            columns["own steps"] = [f"{steps:,}" if steps else "" for steps in extra]
        return columns

    def _table(self, columns: dict[str, list[str]]) -> Table:
        table = Table(title=escape(heading(self.board)), title_justify="left", title_style="bold")
        for title in columns:
            justify: JustifyMethod = "right" if title in _TO_THE_RIGHT else "left"
            table.add_column(title, justify=justify, no_wrap=title == "scorer")
        following = [*self.rows[1:], None]
        for row, after, *cells in zip(self.rows, following, *columns.values(), strict=True):
            style = "red" if row.status != "ok" else "dim" if row.control else None
            ends = after is not None and after.at_step != row.at_step
            table.add_row(*map(Text, cells), style=style, end_section=ends)
        return table


def _width(title: str, cells: list[str]) -> int:
    """What a column takes with the space and the line beside it; a table has one line more."""
    return max(map(cell_len, (title, *cells))) + 3


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
