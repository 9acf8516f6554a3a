"""`prunebench submit`: one's own results, in a folder for others."""

from pathlib import Path
from typing import Any

import click

from prunebench.cli.boards import out_option
from prunebench.cli.complete import complete_rows
from prunebench.cli.options import isolate, scorer_options, store_option, warn
from prunebench.cli.types import AMOUNT, PATH
from prunebench.words import plural


@click.command("submit")
@click.argument("scorer", shell_complete=complete_rows)
@click.argument("folder", type=PATH)
@click.option(
    "--networks",
    type=AMOUNT,
    default=1,
    help="Of each training, so many networks come along to compute results again. "
    f"[{AMOUNT.limits}; default: 1]",
)
@scorer_options
@out_option
@store_option
def command(scorer: str, folder: str, networks: int, out: str, store: str, **options: Any) -> int:
    """Put SCORER's results on your boards into a new FOLDER, for a maintainer of published boards.

    In it are the rows, the scorer's file, the records and some of the networks, and what was found when it
    was checked and its results were computed again.

    \b
    prunebench sweep published --scorer my_idea --plugin my_idea.py
    prunebench submit my_idea my_submission --plugin my_idea.py
    """
    from prunebench.leaderboard.folder import find_boards
    from prunebench.store.files import check_folder
    from prunebench.store.store import Store
    from prunebench.submission.make import make

    boards, _ = find_boards(Path(out))
    check_folder("FOLDER", Path(folder))
    isolation = isolate(options)
    with Store(Path(store), read_only=True) as kept:
        made = make(scorer, Path(folder), boards, kept, isolation, networks=networks)
    warn(isolation)
    size = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
    checked, rescored = made.audit.checked, made.audit.rescored
    click.echo(
        f"{folder}: {scorer} on {plural(len(made.boards), 'board')}, {size / 1e6:.1f} MB; "
        f"computed again and equal: {checked:,} results, {rescored:,} scores"
    )
    for name in made.audit.differing:
        click.echo(f"other numbers when computed again: {name}")
    click.echo(f"to put it on boards: prunebench merge {folder} --out leaderboards", err=True)
    return 1 if made.audit.differing else 0
