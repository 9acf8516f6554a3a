"""A board as LaTeX tables (booktabs), for papers."""

import unicodedata

from prunebench.evaluation.comparison import RankInterval
from prunebench.leaderboard.board import Board, Row
from prunebench.leaderboard.columns import Column, Section, marked_name, middle_of, ranked, sections
from prunebench.leaderboard.standing import CHANCE, FIRST, Key, marks, rank_rows
from prunebench.leaderboard.text import heading

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "†": r"\textdagger{}",
    "‡": r"\textdaggerdbl{}",
    "°": r"\textdegree{}",
} | {character: f"\\{character}" for character in "{}$&#_%"}
_HEAD = r"% Needs \usepackage[T1]{fontenc}, \usepackage{textcomp} and \usepackage{booktabs}."
_READING = (
    "Mean over seeds; lower and upper index: 95 % interval. Accuracies: the mean, and after the point the "
    "median with its exact interval. Bold: at its step no scorer is significantly better, and some are "
    "worse. °: not significantly better than random. †: sees the end of training. ‡: control. Ranks and "
    "marks by exact paired Wilcoxon tests over seeds of all pairs, Holm-corrected, level 0.05."
)


def latex(board: Board) -> str:
    """A table for each section of the board, to `\\input` into a paper; equal boards give equal bytes."""
    rows = ranked(board.rows)
    ranks = rank_rows(rows)
    tables = [_table(board, section, rows, ranks) for section in sections(rows)]
    return "\n\n".join([_HEAD, *tables]) + "\n"


def escape(text: str) -> str:
    """Text that LaTeX prints as it is; characters that its usual fonts lack are spelled out as `[U+4E2D]`."""
    return "".join(map(_character, " ".join(text.split())))


def _character(character: str) -> str:
    if character in _SPECIAL:
        return _SPECIAL[character]
    if ord(character) < 128 or "À" <= character <= "ÿ":
        return character if character.isprintable() else " "
    plain = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()
    return "".join(_SPECIAL.get(c, c) for c in plain) or f"[U+{ord(character):04X}]"


def _table(board: Board, section: Section, rows: list[Row], ranks: dict[Key, RankInterval]) -> str:
    present = [row for row in rows if any(column.summary(row) for column in section.columns)]
    columns = [c for c in section.columns if any(c.summary(row) for row in present)]
    signs = [marks(rows, column) for column in columns]
    lines: list[str] = []
    for before, row in zip([None, *present], present, strict=False):
        key = row["scorer"], row["at_step"]
        if before is not None and before["at_step"] != key[1]:
            lines.append(r"\midrule")
        cells = [_cell(column, row, sign.get(key, "")) for column, sign in zip(columns, signs, strict=True)]
        rank = str(ranks.get(key, "")).replace("-", "--")
        lines.append(" & ".join([str(key[1]), rank, escape(marked_name(row)), *cells]) + r" \\")
    titles = " & ".join(["step", "rank", "scorer", *(escape(column.title) for column in columns)])
    caption = escape(f"{heading(board)}. {section.title}: {section.note}. {_READING}")
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
            *lines,
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
        ]
    )


def _cell(column: Column, row: Row, mark: str) -> str:
    summary = column.summary(row)
    if summary is None:
        return ""
    mean = column.number(summary["mean"])
    mean = rf"\mathbf{{{mean}}}" if mark == FIRST else mean
    middle, low, high = middle_of(summary)
    interval = ""
    if low is not None and high is not None:
        median = rf" \cdot {column.number(middle)}" if "median" in summary else ""
        interval = f"{median}_{{{column.number(low)}}}^{{{column.number(high)}}}"
    return f"${mean}{interval}$" + (escape(mark) if mark == CHANCE else "")
