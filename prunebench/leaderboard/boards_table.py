"""All boards of a folder on the terminal: who leads over them, and a line for each."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderableType
from rich.table import Table
from rich.text import Text

from prunebench.leaderboard.across import EARLY, Moment, by_family
from prunebench.leaderboard.best_early import EARLY_READ, SIGNS_READ
from prunebench.leaderboard.board import Board
from prunebench.leaderboard.column import Column
from prunebench.leaderboard.critical_difference import diagram, title, verdict
from prunebench.leaderboard.overview import best_of

_READING = (
    "rank: average over the boards, ├ ┤ its 95 % interval over boards; first: boards on which no other mean "
    "is higher. Boards that share a data set are less independent than the intervals take them to be."
)


@dataclass(frozen=True, eq=False)
class BoardsTable:
    """What boards say together, by one column.

    Attributes:
        steps: at which; step 0 and all up to the plateau's end where there are none.
        scorers: those that are shown; all where there are none.
        top: show so many of them.
    """

    boards: Sequence[Board]
    column: Column
    steps: Sequence[int] = ()
    scorers: Collection[str] = ()
    top: int | None = None

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        """The diagrams, then the table of the boards."""
        moments: Sequence[Moment] = self.steps or (0, EARLY)
        found = by_family(self.boards, [self.column], moments)
        for one in found:
            yield Text(title(one), style="bold")
            order = [scorer for scorer in one.order if not self.scorers or scorer in self.scorers]
            for line in diagram(one, options.max_width, order[: self.top]):
                yield Text(line, no_wrap=True, overflow="ignore")
            yield Text(f"{verdict(one)}.", style="dim")
            yield Text()
        if found:
            yield Text(_READING, style="dim")
            yield Text()
        yield self._boards()
        yield Text(f"{EARLY_READ[0].upper()}{EARLY_READ[1:]}. {SIGNS_READ}", style="dim")

    def _boards(self) -> Table:
        steps = self.steps or (0,)
        words = f"Best early predictor by {self.column.title}"
        table = Table(title=words, title_justify="left", title_style="bold")
        for head in ("board", *(f"step {step}" for step in steps)):
            table.add_column(Text(head), overflow="fold")
        for board in self.boards:
            cells = [best_of(board, self.column, step) for step in steps]
            table.add_row(*map(Text, (board.name, *cells)))
        return table
