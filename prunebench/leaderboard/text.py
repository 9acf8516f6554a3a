"""A board as Markdown and CSV."""

import csv
import io
from typing import Any

from msgspec import UNSET
from msgspec.structs import asdict

from prunebench.escape import for_markdown, for_spreadsheet, for_terminal
from prunebench.evaluation.metrics import SPLITS
from prunebench.leaderboard.board import Board
from prunebench.leaderboard.columns import MARKS, RANKS, READING, Section, ranked, sections
from prunebench.leaderboard.ranks import chance_note, floor_note, rank_rows
from prunebench.leaderboard.tables import Line, tables


def heading(board: Board) -> str:
    """The task in words: `mnist5k, 800 samples`."""
    return f"{board.task.name}, {board.task.samples} samples"


def facts(board: Board) -> list[str]:
    """What was trained and how it went, a line each."""
    task, drop = board.task, board.training.drop_step

    def mean(*path: str) -> float:
        return float(board.training.metrics[path].mean)

    def accuracies(of: str) -> str:
        test, train = (f"{100 * mean(split, of):.1f} %" for split in SPLITS)
        return f"test accuracy {test}, train accuracy {train}"

    lines = [
        f"{board.recipe.in_words}; {task.inputs} inputs, {task.tests:,} test samples",
        f"dense: {accuracies('dense')}, train loss {mean('train_loss'):.4f} "
        f"(from {mean('initial_loss'):.4f})",
    ]
    if board.training.has_groups:
        lines.append(
            f"{mean('groups', 'all'):.0f} groups at cosine 0.95, {mean('groups', 'relevant'):.1f} of them "
            f"above 1 % of the largest norm; merged whole: {accuracies('merged_groups')}"
        )
    if drop:
        lines.append(f"the plateau ends (loss below 0.98 of the initial one) at step {drop:.0f}")
    return lines


def notes(board: Board) -> list[str]:
    """How to read the tables: marks, ranks, chance, and why there are no marks where there are none."""
    lines = [f"{READING} {MARKS}"]
    lines.append(" ".join(filter(None, (RANKS, floor_note(board.rows)))))
    return [*lines, *filter(None, [chance_note(board.rows)])]


def markdown(board: Board) -> str:
    """The board for people, readable as plain text; equal boards give equal bytes."""
    rows = ranked(board.rows)
    listed = "\n".join(f"- {for_markdown(line)}" for line in facts(board))
    parts = [f"# {for_markdown(heading(board))}", listed, *notes(board)]
    parts += [_markdown_section(section, lines) for section, lines in tables(rows)]
    failed = [
        f"- {for_markdown(row.scorer)} at step {row.at_step}: {for_markdown(row.error or '')}"
        for row in rows
        if row.status != "ok"
    ]
    if failed:
        parts.append("## Failed\n\n" + "\n".join(failed))
    commands = dict.fromkeys(for_terminal(" ".join(row.command.split())) for row in rows if row.command)
    if commands:
        listed = "\n".join(f"    {command}" for command in commands)
        parts.append(f"## Commands\n\nEach makes one row again.\n\n{listed}")
    return "\n\n".join(parts) + "\n"


def to_csv(board: Board) -> str:
    """One line per row, every summary by its parts; an empty cell where there is no number.

    Of accuracies the interval is the median's (`..._median_low`).
    """
    ranks = rank_rows(board.rows)
    columns = [column for section in sections(board.rows) for column in section.columns]
    parts = [(column, part) for column in columns for part in column.parts]
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    for row in ranked(board.rows):
        rank = ranks.get(row.key)
        line: dict[str, Any] = {
            "board": board.name,
            "scorer": row.scorer,
            "version": row.version,
            "at_step": row.at_step,
            "rank_first": rank and rank.first,
            "rank_last": rank and rank.last,
            "relative_time": row.relative_time,
            "status": row.status,
            "error": row.error,
            "seeds": len(row.seeds),
            "command": row.command,
            **asdict(row.cost),
        }
        for column, part in parts:
            name = "_".join([*column.path, part]).removesuffix("_mean")
            line[name] = getattr(column.summary(row), part, None)
        if not buffer.tell():
            writer.writerow(line)
        writer.writerow(["" if value in (None, UNSET) else for_spreadsheet(value) for value in line.values()])
    return buffer.getvalue()


def _markdown_section(section: Section, lines: list[Line]) -> str:
    titles = [cell.column.title for cell in lines[0].cells]
    table = [["step", "rank", "scorer", *titles, "seeds"]]
    for line in lines:
        step, rank, name = line.head
        table.append([step, rank, for_markdown(name), *map(str, line.cells), str(len(line.row.seeds))])
    note = f"{section.note[0].upper()}{section.note[1:]}."
    return "\n\n".join([f"## {section.title}", note, markdown_table(table)])


def markdown_table(lines: list[list[str]]) -> str:
    """Lines of cells, the first the heading, in columns of equal width."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    heading, *rest = [
        "| " + " | ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)) + " |"
        for line in lines
    ]
    rule = "|" + "|".join("-" * (w + 2) for w in widths) + "|"
    return "\n".join([heading, rule, *rest])
