"""A board's tables as every form of them has them: which rows and columns, with ranks and marks."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from prunebench.leaderboard.columns import Column, Section, marked_name, ranked, sections
from prunebench.leaderboard.ranks import marks, rank_rows
from prunebench.results import Row


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


def lines(rows: Sequence[Row], columns: Sequence[Column], among: list[Row]) -> list[Line]:
    """Some rows of a board, with their ranks and marks among all of them."""
    ranks = rank_rows(among)
    signs = [(column, marks(among, column)) for column in columns]
    return [
        Line(
            row,
            str(ranks.get(row.key, "")),
            [Cell(column, row, found.get(row.key, "")) for column, found in signs],
        )
        for row in rows
    ]


def tables(rows: list[Row]) -> Iterator[tuple[Section, list[Line]]]:
    """The tables that these rows can fill, with what can be filled of them; no line is without a number."""
    rows = ranked(rows)
    for section in sections(rows):
        present = [row for row in rows if any(column.summary(row) for column in section.columns)]
        columns = [column for column in section.columns if any(column.summary(row) for row in present)]
        yield section, lines(present, columns, rows)
