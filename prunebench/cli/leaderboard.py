"""`prunebench leaderboard`: the boards in a folder."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from prunebench.cli.boards import OWN, folder_to_read, from_option, say_left_out, say_whose
from prunebench.cli.complete import complete_boards
from prunebench.cli.types import PATH

if TYPE_CHECKING:
    from prunebench.leaderboard.board import Board


@click.command("leaderboard")
@click.argument("name", required=False, shell_complete=complete_boards)
@from_option
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "markdown", "csv", "json", "latex"]),
    default="table",
    show_default=True,
    help="How to print them.",
)
@click.option("--html", type=PATH, metavar="FILE", help="Write them as one page that works offline.")
@click.option("--figures", type=PATH, metavar="DIR", help="Draw their charts, as PNG and SVG.")
@click.option(
    "--overview", "summed_up", is_flag=True, help="Print what the boards say together, as Markdown."
)
@click.option(
    "--rebuild",
    "again",
    is_flag=True,
    help="Make the tables again from the JSON records, and the overview in the folder's README.md.",
)
def command(
    name: str | None,
    out: str | None,
    form: str,
    html: str | None,
    figures: str | None,
    summed_up: bool,
    again: bool,
) -> int:
    """Print the boards in a folder, or those whose names start with NAME."""
    from prunebench.leaderboard.folder import find_boards

    # Published boards are written only by those who name their folder.
    folder = OWN if again and out is None else folder_to_read(out)
    boards, left_out = find_boards(folder, name)
    if again:
        _rebuild(boards, folder, name)
        return say_left_out(left_out)
    if html or figures:
        _write(boards, html, figures)
    else:
        _print(boards, form, summed_up)
    return say_whose(folder, out, left_out)


def _print(boards: "list[Board]", form: str, summed_up: bool) -> None:
    from prunebench.leaderboard.latex import latex
    from prunebench.leaderboard.overview import overview
    from prunebench.leaderboard.terminal import console, render
    from prunebench.leaderboard.text import markdown, to_csv

    if summed_up:
        click.echo(overview(boards), nl=False)
        return
    writers = {"markdown": markdown, "csv": to_csv, "json": type(boards[0]).to_json, "latex": latex}
    for board in boards:
        if form == "table":
            console().print(render(board), "")
        else:
            click.echo(writers[form](board), nl=False)


def _rebuild(boards: "list[Board]", out: Path, name: str | None) -> None:
    from prunebench.leaderboard.folder import rebuild

    if name is not None:
        raise click.UsageError("--rebuild: makes the tables of all boards; leave NAME out")
    files = rebuild(out)
    click.echo(f"{len(files)} files of {len(boards)} boards in {out}", err=True)
    if not any(file.name == "README.md" for file in files):
        click.echo(f"{out / 'README.md'} has no overview to replace; left as it is", err=True)


def _write(boards: "list[Board]", html: str | None, figures: str | None) -> None:
    from prunebench.store.files import writable_file, writable_folder, write_atomically

    if html:
        from prunebench.leaderboard.page import to_html

        path = writable_file("--html", Path(html))
        write_atomically(path, to_html(boards))
        click.echo(f"page: {path}", err=True)
    if figures:
        from prunebench.leaderboard import critical
        from prunebench.leaderboard.figures import draw

        folder = writable_folder("--figures", Path(figures))
        for path in [*draw(boards, folder), *critical.draw(boards, folder)]:
            click.echo(f"figure: {path}.svg (and .png)", err=True)
