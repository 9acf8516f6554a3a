"""`prunebench leaderboard`: the boards in a folder."""

from pathlib import Path

import click

from prunebench.cli.complete import complete_boards


@click.command("leaderboard")
@click.argument("name", required=False, shell_complete=complete_boards)
@click.option("--out", default="leaderboards", show_default=True, help="Folder of the boards.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "markdown", "csv", "json"]),
    default="table",
    show_default=True,
    help="How to print them.",
)
def command(name: str | None, out: str, form: str) -> None:
    """Print the boards in a folder, or the one whose name starts with NAME."""
    from prunebench.leaderboard.folder import find_boards
    from prunebench.leaderboard.terminal import console, render
    from prunebench.leaderboard.text import markdown, to_csv

    for board in find_boards(Path(out), name):
        if form == "table":
            console().print(render(board), "")
        else:
            text = {"markdown": markdown, "csv": to_csv, "json": type(board).to_json}[form](board)
            click.echo(text, nl=False)
