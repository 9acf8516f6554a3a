"""`prunebench sweep`: a whole study."""

import shlex
import sys
from pathlib import Path
from typing import Any

import click

from prunebench.cli.options import isolate, scorer_options, store_options, warn


@click.command("sweep")
@click.argument("study", type=click.Path(dir_okay=False))
@scorer_options
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N.")
@click.option("--download", is_flag=True, help="Download data sets that are not in the cache.")
@click.option("--out", default="leaderboards", show_default=True, help="Folder of the boards.")
@store_options
@click.option("--quiet", is_flag=True, help="No plan and no progress bars.")
def command(study: str, **options: Any) -> int:
    """Run a STUDY: every point of its grid that the store does not hold yet, each with a board.

    Stop it whenever you like: run again, it goes on where it was.
    """
    from prunebench.cli.progress import TerminalReporter
    from prunebench.leaderboard.folder import add_to_folder
    from prunebench.store.files import writable_folder
    from prunebench.store.store import Store
    from prunebench.sweep.cells import plans_of
    from prunebench.sweep.driver import describe, sweep
    from prunebench.sweep.study import read_study

    isolation = isolate(options)
    cells = plans_of(
        read_study(Path(study)),
        load=isolation.load,
        device=options["device"],
        download=options["download"],
        command=shlex.join(["prunebench", *sys.argv[1:]]),
    )
    warn(isolation)
    folder, force = Path(options["store"]), options["force"]
    if options["dry_run"]:
        with Store.to_read(folder) as store:
            describe(cells, store, TerminalReporter(), force=force, each=True)
        return 0
    boards: dict[str, int] = {}

    def on_document(document: dict[str, Any]) -> None:
        board, _ = add_to_folder(document, out)
        asked = [row for row in document["rows"] if not row["control"]]
        boards[board.name] = sum(row["status"] != "ok" for row in asked)

    out = writable_folder("--out", Path(options["out"]))
    with Store(folder) as store, TerminalReporter(quiet=options["quiet"]) as reporter:
        describe(cells, store, reporter, force=force)
        failed = sweep(cells, store, reporter, on_document, force=force)
    rows = sum(boards.values())
    click.echo(f"{len(boards)} boards in {out}; failed: {failed} cells, {rows} rows of other cells", err=True)
    return 1 if failed else 0
