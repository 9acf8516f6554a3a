"""The options that name folders of boards, and what is said of them."""

from pathlib import Path

import click

from prunebench.cli.types import PATH
from prunebench.escape import for_terminal
from prunebench.leaderboard.places import OWN, PUBLISHED, holds_boards

# What `--metric` takes.
METRIC = (
    "a name of `prunebench list metrics`, such as accuracy.prune_final.0.1, or a heading: 'pruned to 10 %'"
)

# Where a command that computes writes its boards.
out_option = click.option(
    "--out", type=PATH, default=str(OWN), show_default=True, help="Folder of the boards."
)
# Where a command that shows boards finds them; `None` unless it is said: see `folder_to_read`.
from_option = click.option(
    "--out",
    type=PATH,
    help=f"Folder of the boards. [default: {OWN}, or {PUBLISHED} while that holds none]",
)


def say_whose(folder: Path, out: str | None, left_out: list[str]) -> int:
    """Tell a user, who named no folder, of the other one, and of boards left out; returns the exit code."""
    if out is None and folder == PUBLISHED:
        click.echo(f"These are the published boards, in {PUBLISHED}; your own will be in {OWN}", err=True)
    elif out is None and holds_boards(PUBLISHED):
        click.echo(f"These are your own boards, in {folder}; the published: --out {PUBLISHED}", err=True)
    return say_left_out(left_out)


def cite_published(name: str, folder: Path) -> None:
    """Say where a published board of the same task and recipe is, next to the one in `folder`."""
    table = PUBLISHED / f"{name}.md"
    if table.is_file() and folder.resolve() != PUBLISHED.resolve():
        click.echo(f"published on the same task and recipe, with rows of its own: {table}", err=True)


def say_left_out(left_out: list[str]) -> int:
    """Name the boards that could not be read; the exit code that goes with it."""
    for line in left_out:
        click.echo(for_terminal(f"prunebench: left out: {line}"), err=True)
    return 1 if left_out else 0
