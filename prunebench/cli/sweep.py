"""`prunebench sweep`: a whole study."""

from pathlib import Path
from typing import Any

import click

from prunebench.cli.boards import out_option
from prunebench.cli.options import (
    common_from,
    compute_options,
    counted,
    download_option,
    isolate,
    json_option,
    print_json,
    scorer_options,
    store_options,
    warn,
)
from prunebench.cli.types import PATH


@click.command("sweep")
@click.argument("study", type=PATH)
@scorer_options
@compute_options
@download_option
@out_option
@store_options
@click.option(
    "--workers",
    type=click.IntRange(1, 1000),
    help="Compute in this many processes, with the cores and GPUs divided among them.",
)
@json_option
@click.option("--cluster", metavar="ADDRESS", help="Compute on a Dask cluster: tcp://scheduler:8786.")
def command(study: str, **options: Any) -> int:
    """Run a STUDY: every point of its grid that the store does not hold yet, each with a board.

    Stop it whenever you like: run again, it goes on where it was.

    \b
    prunebench sweep study.toml --dry-run
    prunebench sweep study.toml --workers 4
    """
    from prunebench.errors import RequestError
    from prunebench.progress import TerminalReporter
    from prunebench.store.files import check_folder, writable_folder
    from prunebench.store.store import Store
    from prunebench.sweep.boards import Boards
    from prunebench.sweep.cells import plans_of, with_all
    from prunebench.sweep.driver import sweep
    from prunebench.sweep.study import read_study
    from prunebench.sweep.to_do import describe, find_to_do

    workers, cluster = options["workers"], options["cluster"]
    if workers and cluster:
        raise RequestError("--workers", workers, "either --workers or --cluster")
    asked = common_from(options)
    isolation = isolate(options)
    cells = plans_of([with_all(cell, isolation) for cell in read_study(Path(study))], asked, isolation.load)
    warn(isolation)
    folder, force = Path(options["store"]), options["force"]
    if options["dry_run"]:
        with Store.to_read(folder) as store:
            items = find_to_do(cells, store, force=force, workers=workers or 1)
            if options["as_json"]:
                print_json([item.content() for item in items])
            else:
                describe(items, TerminalReporter(), each=True, workers=workers or 1)
        return 0
    check_folder("--store", folder)
    boards = Boards(writable_folder("--out", Path(options["out"])))
    debug = bool(click.get_current_context().obj)
    with Store(folder) as store, TerminalReporter(quiet=options["quiet"], debug=debug) as reporter:
        items = find_to_do(cells, store, force=force, workers=workers or 1)
        describe(items, reporter, workers=workers or 1)
        failed = sweep(items, asked, store, reporter, boards, force=force, workers=workers, cluster=cluster)
    if options["as_json"]:
        said = {"boards": sorted(boards.names), "failed_cells": failed, "failed_rows": boards.failed}
        print_json({"out": str(boards.folder), **said})
    click.echo(
        f"{counted(len(boards.names), 'board')} in {boards.folder} changed; "
        f"failed: {failed} cells, {boards.failed} rows of other cells",
        err=True,
    )
    return 1 if failed else 0
