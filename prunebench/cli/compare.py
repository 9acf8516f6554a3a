"""`prunebench compare`: two scorers or two boards."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from prunebench.cli.boards import METRIC, from_option, say_whose
from prunebench.cli.complete import complete_boards, complete_metrics, complete_rows_and_boards
from prunebench.cli.options import json_option, print_json
from prunebench.cli.types import STEP
from prunebench.errors import RequestError
from prunebench.leaderboard.locations import folder_to_read

if TYPE_CHECKING:
    from prunebench.leaderboard.board import Board
    from prunebench.leaderboard.pairs import Pairs


@click.command("compare")
@click.argument("first", metavar="A", shell_complete=complete_rows_and_boards)
@click.argument("second", metavar="B", shell_complete=complete_rows_and_boards)
@click.option(
    "--metric",
    "metrics",
    multiple=True,
    default=("spearman",),
    show_default=True,
    shell_complete=complete_metrics,
    help=f"What to compare by: {METRIC}; repeatable.",
)
@click.option("--at-step", type=STEP, help=f"Only at this step. [{STEP.limits}]")
@click.option("--board", shell_complete=complete_boards, help="Only on boards whose name starts so.")
@json_option
@from_option
def command(
    first: str,
    second: str,
    metrics: tuple[str, ...],
    at_step: int | None,
    board: str | None,
    as_json: bool,
    out: str | None,
    of_published: bool,
) -> int:
    """Compare scorers A and B on the same networks, or boards A and B: how much they differ, and how surely.

    \b
    prunebench compare growing_mode alignment
    prunebench compare alignment@50 "imp[sparsity=0.5]@0" --metric accuracy.prune_final.0.1
    prunebench compare leaderboards/one.json leaderboards/other.json
    """
    from prunebench.leaderboard.folder import find_boards
    from prunebench.leaderboard.pairs import compare_boards, compare_scorers

    folder = folder_to_read(out, of_published=of_published)
    one, other = _board(first, folder), _board(second, folder)
    if one is not None and other is not None:
        _print(compare_boards(one, other, metrics, at_step), as_json)
        return 0
    if one is not None or other is not None:
        raise click.UsageError(f"A, B: got {first!r} and {second!r}; two scorers or two boards are needed")
    boards, left_out = find_boards(folder, board)
    _print(compare_scorers(boards, first, second, metrics, at_step), as_json)
    return say_whose(folder, out or of_published, left_out)


def _print(found: "Pairs", as_json: bool) -> None:
    from prunebench.console import console
    from prunebench.leaderboard.pairs_table import render_pairs

    if as_json:
        print_json(found.content())
    else:
        console().print(render_pairs(found))


def _board(text: str, folder: Path) -> "Board | None":
    """The board that a path of a JSON file or a board's whole name stands for."""
    from prunebench.leaderboard.board import Board
    from prunebench.leaderboard.folder import board_called

    path = Path(text)
    if path.suffix != ".json":
        return board_called(text, folder)
    if not path.is_file():
        raise RequestError("A, B", text, "there is no such file")
    return Board.read(path)
