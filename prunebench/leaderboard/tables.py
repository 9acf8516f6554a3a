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


def tables(board: Results) -> Iterator[tuple[Section, list[Line]]]:
    """The tables that the board's rows can fill; no line is without a number."""
    rows = ranked(board.rows)
    for section in sections(board):
        present = [row for row in rows if any(column.summary(row) for column in section.columns)]
        yield section, lines(present, section.columns, rows)
