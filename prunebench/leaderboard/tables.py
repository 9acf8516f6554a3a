"""A board's tables as every form of them has them: which rows and columns, with ranks and marks."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from prunebench.leaderboard.column import Column
from prunebench.leaderboard.columns import SHUFFLED_SPEARMAN, Section, marked_name, ranked, sections
from prunebench.leaderboard.ranks import RowKey, label_marks, marks, rank_rows
from prunebench.results import Results, Row


class Cell(NamedTuple):
    """A metric in a row, with its mark."""

    column: Column
    row: Row
    mark: str

    def __str__(self) -> str:
        return self.column.cell(self.row) + self.mark


class Line(NamedTuple):
    """A row of a table."""

    row: Row
    rank: str
    cells: list[Cell]

    @property
    def head(self) -> tuple[str, str, str]:
        """Step, rank and the scorer's name, which is anybody's text."""
        return str(self.row.at_step), self.rank, marked_name(self.row)

    def of(self, columns: Sequence[Column]) -> "Line":
        """The same with the cells of some columns."""
        return self._replace(cells=[cell for cell in self.cells if cell.column in columns])


def lines(rows: Sequence[Row], columns: Sequence[Column], among: list[Row]) -> list[Line]:
    """Some rows of a board, with their ranks and marks among all of them."""
    ranks = rank_rows(among)
    signs = [(column, _marks(among, column)) for column in columns]
    return [
        Line(
            row,
            str(ranks.get(row.key, "")),
            [Cell(column, row, found.get(row.key, "")) for column, found in signs],
        )
        for row in rows
    ]


def _marks(among: list[Row], column: Column) -> dict[RowKey, str]:
    if column is SHUFFLED_SPEARMAN:
        return label_marks(among)
    return marks(among, column) if column.compares else {}


def tables(
    board: Results, rows: Sequence[Row] | None = None, chosen: Sequence[Column] = ()
) -> Iterator[tuple[Section, list[Line]]]:
    """The tables that the board's rows can fill, or some rows; no line is without a number, nor a column.

    Args:
        chosen: the columns of the one table that there is then.
    """
    every = ranked(board.rows)
    shown = every if rows is None else ranked([*rows])
    for section in [Section("", "", tuple(chosen))] if chosen else sections(board):
        columns = [column for column in section.columns if any(map(column.summary, shown))]
        present = [row for row in shown if any(column.summary(row) for column in columns)]
        if present:
            yield section, lines(present, columns, every)
