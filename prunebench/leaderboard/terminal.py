"""A board on the terminal."""

from collections.abc import Iterator
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from prunebench.leaderboard.board import Board, Row
from prunebench.leaderboard.columns import MARKS, RANK, RANKS, Column, marked_name, ranked
from prunebench.leaderboard.standing import floor_note, rank_rows
from prunebench.leaderboard.text import facts, heading

# The few columns that fit a terminal; the files have them all. Shares of kept neurons are the telling ones.
OVERVIEW = (
    RANK[0],
    RANK[2],
    RANK[3],
    Column("pruned to 10 %", ("accuracy", "prune_final", "0.1"), percent=True),
    Column("merged to 10 %", ("accuracy", "merge", "0.1"), percent=True),
    Column("early 2 %", ("accuracy", "prune_early", "0.02"), percent=True),
)


def render(board: Board, rows: list[Row] | None = None) -> RenderableType:
    """The board's table (or that of some of its rows), with intervals, and what stands around it."""
    shown = ranked(board.rows if rows is None else rows)
    columns = [c for c in OVERVIEW if any(c.summary(row) for row in shown)]
    table = Table(title=escape(heading(board)), title_justify="left", title_style="bold")
    table.add_column("step", justify="right")
    table.add_column("rank", justify="right")
    table.add_column("scorer", no_wrap=True)
    for column in columns:
        table.add_column(column.title, justify="right")
    table.add_column("own steps", justify="right")
    ranks = rank_rows(board.rows)
    previous = None
    for row in shown:
        if previous is not None and row["at_step"] != previous:
            table.add_section()
        previous = row["at_step"]
        cells = [column.cell(row) for column in columns]
        if row["status"] != "ok":
            cells = ["failed"] + [""] * (len(columns) - 1) if columns else []
        style = "red" if row["status"] != "ok" else "dim" if row["control"] else None
        extra = row["cost"]["extra_gradient_steps"]
        rank = str(ranks.get((row["scorer"], row["at_step"]), ""))
        own = f"{extra:,}" if extra else ""
        table.add_row(str(previous), rank, escape(marked_name(row)), *cells, own, style=style)
    lines: list[RenderableType] = [table]
    lines += [
        Text(f"failed: {r['scorer']} at step {r['at_step']}: {r['error']}", style="red")
        for r in shown
        if r["error"]
    ]
    lines += [Text(line, style="dim") for line in facts(board)]
    notes = [f"Accuracy on the test set in %; mean over seeds [95 % interval]. {MARKS}", RANKS]
    lines += [Text(note, style="dim") for note in [*notes, floor_note(board.rows)] if note]
    return Group(*lines)


def render_row(board: Board, row: Row) -> RenderableType:
    """One row in full: every metric with its interval and its value per seed, cost and provenance."""
    table = Table(title=escape(f"{heading(board)}: {marked_name(row)} at step {row['at_step']}"))
    table.title_justify, table.title_style = "left", "bold"
    for name in ("metric", "mean", "95 % interval"):
        table.add_column(name)
    table.add_column(f"by seed ({', '.join(map(str, row['seeds']))})")
    for path, summary in _summaries(row):
        interval = "" if summary["low"] is None else f"{summary['low']:.3f} to {summary['high']:.3f}"
        seeds = " ".join("-" if value is None else f"{value:.2f}" for value in summary["per_seed"])
        table.add_row(" ".join(path), f"{summary['mean']:.3f}", interval, seeds)
    cost = row["cost"]
    lines = [
        f"status: {row['status']}" + (f" ({row['error']})" if row["error"] else ""),
        f"version {row['version']}, source {row['source']}, parameters {row['parameters']}",
        f"cost: {cost['gradient_steps']} steps to the snapshot, {cost['extra_gradient_steps']} of its own, "
        f"{cost['seconds']:.3f} s of scoring",
        f"command: {row['command']}",
        f"made with {', '.join(f'{key} {value}' for key, value in row['environment'].items())}",
    ]
    return Group(table, *(Text(line, style="dim") for line in lines))


def _summaries(
    level: dict[str, Any], path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    for key, value in level.items():
        if isinstance(value, dict):
            if "per_seed" in value:
                yield (*path, key), value
            else:
                yield from _summaries(value, (*path, key))


def console(*, stderr: bool = False) -> Console:
    """A console that does not squeeze tables where there is no terminal."""
    plain = Console(stderr=stderr, highlight=False)
    return plain if plain.is_terminal else Console(stderr=stderr, highlight=False, width=185)
