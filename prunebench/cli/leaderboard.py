"""`prunebench leaderboard`: the boards in a folder."""

from pathlib import Path

import click


@click.command("leaderboard")
@click.argument("name", required=False)
@click.option("--out", default="leaderboards", show_default=True, help="Folder of the boards.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "markdown", "csv", "json", "latex"]),
    default="table",
    show_default=True,
    help="How to print them.",
)
@click.option(
    "--overview", "summed_up", is_flag=True, help="Print what the boards say together, as Markdown."
)
@click.option(
    "--rebuild",
    "again",
    is_flag=True,
    help="Make the tables again from the JSON records, and the overview in the folder's README.md.",
)
def command(name: str | None, out: str, form: str, summed_up: bool, again: bool) -> None:
    """Print the boards in a folder, or those whose names start with NAME."""
    from prunebench.leaderboard.folder import find_boards, rebuild
    from prunebench.leaderboard.latex import latex
    from prunebench.leaderboard.overview import overview
    from prunebench.leaderboard.terminal import console, render
    from prunebench.leaderboard.text import markdown, to_csv

    boards = find_boards(Path(out), name)
    if again:
        if name is not None:
            raise click.UsageError("--rebuild: makes the tables of all boards; leave NAME out")
        files = rebuild(Path(out))
        click.echo(f"{len(files)} files of {len(boards)} boards in {out}", err=True)
        if not any(file.name == "README.md" for file in files):
            click.echo(f"{Path(out) / 'README.md'} has no overview to replace; left as it is", err=True)
    elif summed_up:
        click.echo(overview(boards), nl=False)
    else:
        writers = {"markdown": markdown, "csv": to_csv, "json": type(boards[0]).to_json, "latex": latex}
        for board in boards:
            if form == "table":
                console().print(render(board), "")
            else:
                click.echo(writers[form](board), nl=False)
