"""`prunebench leaderboard`: the boards in a folder."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from prunebench.leaderboard.board import Board


@click.command("leaderboard")
@click.argument("name", required=False)
@click.option("--out", default="leaderboards", show_default=True, help="Folder of the boards.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "markdown", "csv", "json"]),
    default="table",
    show_default=True,
    help="How to print them.",
)
@click.option("--html", metavar="FILE", help="Write them as one page that works offline.")
@click.option("--figures", metavar="DIR", help="Draw their charts, as PNG and SVG.")
def command(name: str | None, out: str, form: str, html: str | None, figures: str | None) -> None:
    """Print the boards in a folder, or the one whose name starts with NAME."""
    from prunebench.leaderboard.folder import find_boards
    from prunebench.leaderboard.terminal import console, render
    from prunebench.leaderboard.text import markdown, to_csv

    boards = find_boards(Path(out), name)
    if html or figures:
        _write(boards, html, figures)
        return
    for board in boards:
        if form == "table":
            console().print(render(board), "")
        else:
            text = {"markdown": markdown, "csv": to_csv, "json": type(board).to_json}[form](board)
            click.echo(text, nl=False)


def _write(boards: "list[Board]", html: str | None, figures: str | None) -> None:
    from prunebench.errors import RequestError
    from prunebench.store.files import writable_folder, write_atomically

    if html:
        from prunebench.leaderboard.page import to_html

        path = Path(html)
        if path.is_dir():
            raise RequestError("--html", html, "a file, such as page.html")
        folder = writable_folder("--html", path.parent)
        write_atomically(folder / path.name, to_html(boards))
        click.echo(f"page: {path}", err=True)
    if figures:
        from prunebench.leaderboard.figures import draw

        for path in draw(boards, writable_folder("--figures", Path(figures))):
            click.echo(f"figure: {path}.svg (and .png)", err=True)
