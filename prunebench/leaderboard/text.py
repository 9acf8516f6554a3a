"""A board as Markdown and CSV."""

import csv
import io
from typing import Any

from prunebench.escape import for_markdown, for_spreadsheet, for_terminal
from prunebench.evaluation.comparison import RankInterval
from prunebench.leaderboard.board import Board, Row
from prunebench.leaderboard.columns import MARKS, RANKS, READING, Section, marked_name, ranked, sections
from prunebench.leaderboard.standing import Key, chance_note, floor_note, marks, rank_rows


def heading(board: Board) -> str:
    """The task in words: `mnist5k, 800 samples`."""
    return f"{board.task['name']}, {board.task['samples']} samples"


def facts(board: Board) -> list[str]:
    """What was trained and how it went, a line each."""
    recipe, training, task = board.recipe, board.training, board.task
    sgd = f"learning rate {recipe['learning_rate']:g}, momentum {recipe['momentum']:g}"
    lines = [
        f"{recipe['width']} neurons, init std {recipe['init_std']:g}, {sgd}, batch {recipe['batch_size']}, "
        f"{recipe['steps']:,} steps; {task['inputs']} inputs, {task['tests']:,} test samples",
        f"dense: test accuracy {_percent(training, 'accuracy', 'dense')}, train accuracy "
        f"{_percent(training, 'train_accuracy', 'dense')}, train loss {_mean(training, 'train_loss'):.4f} "
        f"(from {_mean(training, 'initial_loss'):.4f})",
        f"{_mean(training, 'groups', 'all'):.0f} groups at cosine 0.95, "
        f"{_mean(training, 'groups', 'relevant'):.1f} of them above 1 % of the largest norm; "
        "merged whole: test accuracy "
        f"{_percent(training, 'accuracy', 'merged_groups')}, train accuracy "
        f"{_percent(training, 'train_accuracy', 'merged_groups')}",
    ]
    if training["drop_step"]:
        lines.append(
            f"the plateau ends (loss below 0.98 of the initial one) at step {training['drop_step']:.0f}"
        )
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
    ranks = rank_rows(rows)
    parts += [_markdown_section(section, rows, ranks) for section in sections(rows)]
    failed = [row for row in rows if row["status"] != "ok"]
    if failed:
        lines = [
            f"- {for_markdown(row['scorer'])} at step {row['at_step']}: {for_markdown(row['error'] or '')}"
            for row in failed
        ]
        parts.append("## Failed\n\n" + "\n".join(lines))
    commands = [for_terminal(" ".join(row["command"].split())) for row in rows if row["command"]]
    if commands:
        listed = "\n".join(f"    {command}" for command in dict.fromkeys(commands))
        parts.append(f"## Commands\n\nEach makes one row again.\n\n{listed}")
    return "\n\n".join(parts) + "\n"


def to_csv(board: Board) -> str:
    """One line per row, every summary by its parts; an empty cell where there is no number.

    Of accuracies the interval is the median's (`..._median_low`).
    """
    ranks = rank_rows(board.rows)
    fixed = ["board", "scorer", "version", "at_step", "rank_first", "rank_last", "relative_time", "status"]
    fixed += ["error", "seeds", "command"]
    cost = ["gradient_steps", "extra_gradient_steps", "seconds"]
    columns = [column for section in sections(board.rows) for column in section.columns]
    parts = [(column, part) for column in columns for part in column.parts]
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(fixed + cost + ["_".join([*c.path, part]).removesuffix("_mean") for c, part in parts])
    for row in ranked(board.rows):
        standing = ranks.get((row["scorer"], row["at_step"]))
        line: list[Any] = [board.name, row["scorer"], row["version"], row["at_step"]]
        line += [standing.first, standing.last] if standing else [None, None]
        line += [row["relative_time"], row["status"], row["error"], len(row["seeds"]), row["command"]]
        line += [row["cost"][key] for key in cost]
        line += [(column.summary(row) or {}).get(part) for column, part in parts]
        writer.writerow(["" if value is None else for_spreadsheet(value) for value in line])
    return buffer.getvalue()


def _markdown_section(section: Section, rows: list[Row], ranks: dict[Key, RankInterval]) -> str:
    present = [row for row in rows if any(column.summary(row) for column in section.columns)]
    columns = [c for c in section.columns if any(c.summary(row) for row in present)]
    signs = [marks(rows, column) for column in columns]
    table = [["step", "rank", "scorer", *(column.title for column in columns), "seeds"]]
    for row in present:
        key = row["scorer"], row["at_step"]
        cells = [column.cell(row) + sign.get(key, "") for column, sign in zip(columns, signs, strict=True)]
        table.append(
            [
                str(key[1]),
                str(ranks.get(key, "")),
                for_markdown(marked_name(row)),
                *cells,
                str(len(row["seeds"])),
            ]
        )
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


def _mean(training: dict[str, Any], *path: str) -> float:
    value: Any = training
    for key in path:
        value = value[key]
    return float(value["mean"])


def _percent(training: dict[str, Any], *path: str) -> str:
    return f"{100 * _mean(training, *path):.1f} %"
