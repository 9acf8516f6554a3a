"""`prunebench show`: one result in full."""

import click

from prunebench.cli.boards import folder_to_read, from_option, say_left_out, say_whose
from prunebench.cli.complete import complete_boards, complete_rows


@click.command("show")
@click.argument("scorer", shell_complete=complete_rows)
@click.option("--at-step", type=click.IntRange(min=0), help="Only the result at this step.")
@click.option("--board", shell_complete=complete_boards, help="Only the board whose name starts so.")
@from_option
def command(scorer: str, at_step: int | None, board: str | None, out: str | None) -> int:
    """Show SCORER's results in full: every metric, seed by seed, its cost and how it was made."""
    from prunebench.errors import RequestError, unknown_name
    from prunebench.leaderboard.folder import find_boards
    from prunebench.leaderboard.terminal import console, render_row

    folder = folder_to_read(out)
    left_out: list[str] = []
    boards = find_boards(folder, board, left_out)
    found = [
        (b, row)
        for b in boards
        for row in b.rows
        if scorer in (row.scorer, row.name) and at_step in (None, row.at_step)
    ]
    steps = {row.at_step for b in boards for row in b.rows if scorer in (row.scorer, row.name)}
    if not found and steps:
        there = ", ".join(map(str, sorted(steps)))
        raise RequestError("--at-step", at_step, f"steps at which {scorer} has results here: {there}")
    if not found:
        names = {row.scorer for b in boards for row in b.rows if at_step in (None, row.at_step)}
        raise unknown_name("SCORER", scorer, names, "scorers with results here")
    for b, row in found:
        console().print(render_row(b, row), "")
    say_whose(folder, out)
    return say_left_out(left_out)
