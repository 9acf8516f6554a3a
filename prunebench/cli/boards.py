"""The options that name folders of boards, and what is said of them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from prunebench.cli.types import PATH
from prunebench.escape import for_terminal
from prunebench.leaderboard.locations import OWN, holds_boards, published

# What `--metric` takes.
METRIC = (
    "a name of `prunebench list metrics`, such as accuracy.prune_final.0.1, or a heading: 'pruned to 10 %'"
)

# Where a command that computes writes its boards.
out_option = click.option(
    "--out", type=PATH, default=str(OWN), show_default=True, help="Folder of the boards."
)


def from_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Where a command that shows boards finds them (`folder_to_read`)."""
    shown = click.option(
        "--published", "of_published", is_flag=True, help="The boards that come with prunebench."
    )
    folder = click.option(
        "--out",
        type=PATH,
        help=f"Folder of the boards. [default: {OWN}; while that holds none, the published boards]",
    )
    return folder(shown(command))


def say_whose(folder: Path, named: str | bool | None, left_out: list[str]) -> int:
    """Tell a user, who named no boards, of the others, and of boards left out; returns the exit code."""
    if not named and folder == published():
        click.echo(f"These are the published boards; your own will be in {OWN}", err=True)
    elif not named and holds_boards(published()):
        click.echo(f"These are your own boards, in {folder}; the published: --published", err=True)
    return say_left_out(left_out)


def cite_published(name: str, folder: Path) -> None:
    """Say where a published board of the same task and recipe is, next to the one in `folder`."""
    from prunebench.leaderboard.folder import board_called

    if folder.resolve() != published().resolve() and board_called(name, published()):
        shown = f"prunebench leaderboard {name} --published"
        click.echo(f"published on the same task and recipe, with rows of its own: {shown}", err=True)


def say_lost(line: str | None) -> None:
    """Say what is no longer on a board (`lost`)."""
    if line:
        click.echo(for_terminal(f"prunebench: {line}"), err=True)


def say_left_out(left_out: list[str]) -> int:
    """Name the boards that could not be read; the exit code that goes with it."""
    for line in left_out:
        click.echo(for_terminal(f"prunebench: left out: {line}"), err=True)
    return 1 if left_out else 0
