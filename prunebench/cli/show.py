"""`prunebench show`: one result in full."""

import click

from prunebench.cli.boards import from_option, say_whose
from prunebench.cli.complete import complete_boards, complete_rows
from prunebench.cli.options import json_option, print_json
from prunebench.cli.types import STEP
from prunebench.errors import RequestError, unknown_name
from prunebench.leaderboard.locations import folder_to_read


@click.command("show")
@click.argument("scorer", shell_complete=complete_rows)
@click.option("--at-step", type=STEP, help=f"Only the result at this step. [{STEP.limits}]")
@click.option("--board", "name", shell_complete=complete_boards, help="Only the board whose name starts so.")
@json_option
@from_option
def command(
    scorer: str, at_step: int | None, name: str | None, as_json: bool, out: str | None, of_published: bool
) -> int:
    """Show SCORER's results in full: every metric, seed by seed, its cost and how it was made."""
    from prunebench.console import console
    from prunebench.leaderboard.folder import find_boards
    from prunebench.leaderboard.terminal import render_row

    folder = folder_to_read(out, of_published=of_published)
    boards, left_out = find_boards(folder, name)
    rows = [(board, row) for board in boards for row in board.rows]
    named = [(board, row) for board, row in rows if scorer in (row.scorer, row.name)]
    found = [(board, row) for board, row in named if at_step in (None, row.at_step)]
    if not named:
        names = {row.scorer for _, row in rows if at_step in (None, row.at_step)}
        raise unknown_name("SCORER", scorer, names, "scorers with results here")
    if not found:
        there = ", ".join(map(str, sorted({row.at_step for _, row in named})))
        raise RequestError("--at-step", at_step, f"steps at which {scorer} has results here: {there}")
    if as_json:
        print_json([{"board": board.name} | row.content() for board, row in found])
        return say_whose(folder, out or of_published, left_out)
    terminal = console()
    for board, row in found:
        terminal.print(render_row(board, row, terminal.width), "")
    return say_whose(folder, out or of_published, left_out)
