"""A board as LaTeX tables (booktabs), for papers."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from msgspec import UNSET

from prunebench.escape import for_latex
from prunebench.leaderboard.board import Board
from prunebench.leaderboard.column import Column
from prunebench.leaderboard.columns import Section
from prunebench.leaderboard.notes import SIGNS, Drawn
from prunebench.leaderboard.ranks import ALIKE, CHANCE, FIRST
from prunebench.leaderboard.tables import Cell, Line, tables
from prunebench.leaderboard.text import heading
from prunebench.results import Row

_HEAD = r"% Needs \usepackage[T1]{fontenc}, \usepackage{textcomp} and \usepackage{booktabs}."
_INTERVALS = "Lower and upper index: 95 % interval."
_ACCURACIES = "Accuracies: the mean, and after the point the median with its exact interval."
_TESTS = (
    "Ranks by Spearman correlation, and marks, by exact paired Wilcoxon tests over seeds of all pairs, "
    "Holm-corrected, level 0.05."
)


def latex(board: Board, rows: Sequence[Row] | None = None, columns: Sequence[Column] = ()) -> str:
    """A table for each section of the board, to `\\input` into a paper; equal boards give equal bytes.

    Args:
        rows: of the board, which are shown; all of them where it is None.
        columns: those of the one table that there is then.
    """
    parts = [_table(board, section, lines) for section, lines in tables(board, rows, columns)]
    return "\n\n".join([_HEAD, *parts]) + "\n"


def _table(board: Board, section: Section, lines: list[Line]) -> str:
    steps = groupby(lines, key=lambda line: line.row.at_step)
    body = "\n\\midrule\n".join("\n".join(map(_line, of_step)) for _, of_step in steps)
    columns = [cell.column for cell in lines[0].cells]
    titles = " & ".join(["step", "rank", "scorer", *(for_latex(column.title) for column in columns)])
    seeds = " or ".join(map(str, sorted({len(line.row.seeds) for line in lines})))
    of_what = f" {section.title}: {section.note}." if section.title else ""
    about = f"{heading(board)}.{of_what} Mean over {seeds} seeds."
    caption = for_latex(" ".join([about, *_notes(Drawn(board, lines))]))
    return "\n".join(
        [
            r"\begin{table}",
            r"\centering",
            r"\small",
            r"\setlength{\tabcolsep}{4pt}",
            r"\renewcommand{\arraystretch}{1.25}",
            rf"\caption{{{caption}}}",
            rf"\begin{{tabular}}{{rll{'l' * len(columns)}}}",
            r"\toprule",
            rf"{titles} \\",
            r"\midrule",
            body,
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
        ]
    )


def _notes(drawn: Drawn) -> Iterator[str]:
    """How to read the columns and marks that there are."""
    if drawn.means or drawn.accuracies:
        yield _INTERVALS
    if drawn.accuracies:
        yield _ACCURACIES
    for sign, words in SIGNS.items():
        if sign in drawn.signs:
            yield f"Bold, {words}" if sign == FIRST else f"{sign} {words}"
    if any(line.rank for line in drawn.lines):
        yield _TESTS
    yield from filter(None, (drawn.labels, drawn.floor))


def _line(line: Line) -> str:
    step, rank, name = line.head
    cells = [step, rank.replace("-", "--"), for_latex(name), *map(_cell, line.cells)]
    return " & ".join(cells) + r" \\"


def _cell(cell: Cell) -> str:
    column, summary = cell.column, cell.column.summary(cell.row)
    if summary is None:
        return for_latex(column.cell(cell.row))
    mean = column.number(summary.mean)
    mean = rf"\mathbf{{{mean}}}" if cell.mark == FIRST else mean
    middle, low, high = summary.middle
    interval = ""
    if not column.bare and low is not None and high is not None:
        median = "" if summary.median is UNSET else rf" \cdot {column.number(middle)}"
        interval = f"{median}_{{{column.number(low)}}}^{{{column.number(high)}}}"
    return f"${mean}{interval}$" + (for_latex(cell.mark) if cell.mark in (CHANCE, ALIKE) else "")
