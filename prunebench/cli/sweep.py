"""`prunebench sweep`: a whole study."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import click
from msgspec import Meta

from prunebench.cli.boards import out_option, say_left_out, say_lost
from prunebench.cli.complete import complete_scorers
from prunebench.cli.options import (
    common_from,
    compute_options,
    download_option,
    isolate,
    json_option,
    print_json,
    scorer_options,
    store_options,
    warn,
)
from prunebench.cli.streams import others_on_stderr
from prunebench.cli.types import PATH, Typed, several
from prunebench.errors import RequestError
from prunebench.words import plural

if TYPE_CHECKING:
    from prunebench.benchmark.plan import Plan
    from prunebench.plugin.isolation import Isolation
    from prunebench.scoring.scorer import Scorer
    from prunebench.sweep.plans import Options
    from prunebench.sweep.study import Job

WORKERS = Typed(Annotated[int, Meta(ge=1, le=1000)])


@click.command("sweep")
@click.argument("study", type=PATH)
@click.option(
    "--scorer",
    "scorers",
    **several(str),
    shell_complete=complete_scorers,
    help="Only these scorers, in place of the study's; rows that a board has are not computed again.",
)
@scorer_options
@compute_options
@download_option
@out_option
@store_options
@click.option(
    "--workers",
    type=WORKERS,
    help=f"Compute in this many processes, with the cores and GPUs divided among them. [{WORKERS.limits}]",
)
@json_option
@click.option("--cluster", metavar="ADDRESS", help="Compute on a Dask cluster: tcp://scheduler:8786.")
def command(study: str, **options: Any) -> int:
    """Run a STUDY: a job for each point of its grid that the store does not hold yet, each with a board.

    Stop it whenever you like: run again, it goes on where it was. The study `published` is that of the
    published boards; with --scorer, what is computed joins the rows that are published.

    \b
    prunebench sweep study.toml --dry-run
    prunebench sweep study.toml --workers 4
    prunebench sweep published --scorer my_idea --plugin my_idea.py
    """
    from prunebench.leaderboard.folder import published_boards
    from prunebench.progress import TerminalReporter
    from prunebench.store.files import check_folder, writable_folder
    from prunebench.store.store import Store
    from prunebench.sweep.boards import Boards
    from prunebench.sweep.driver import sweep
    from prunebench.sweep.to_do import describe, find_to_do

    workers, cluster = options["workers"], options["cluster"]
    if workers and cluster:
        raise RequestError("--workers", workers, "either --workers or --cluster")
    asked = common_from(options)
    isolation = isolate(options)
    only = options["scorers"]
    jobs = _planned(study, only, asked, isolation)
    warn(isolation)
    folder, force = Path(options["store"]), options["force"]
    boards = Boards(Path(options["out"]), published_boards() if only else {})
    joined = [plan for _, plan in jobs] if only and not force else []
    if joined:
        jobs = boards.without_held(jobs)
    if options["dry_run"]:
        with Store.to_read(folder) as store:
            items = find_to_do(jobs, store, force=force, workers=workers or 1)
            if options["as_json"]:
                print_json([item.content() for item in items])
            else:
                describe(items, TerminalReporter(), each=True, workers=workers or 1)
                boards.say_cost((item.plan for item in items if item.untrained), TerminalReporter())
        return 0
    check_folder("--store", folder)
    writable_folder("--out", boards.folder)
    boards.add_unfit(joined)
    shown = TerminalReporter(quiet=options["quiet"], debug=click.get_current_context().obj)
    with others_on_stderr(), Store(folder) as store, shown as reporter:
        items = find_to_do(jobs, store, force=force, workers=workers or 1)
        describe(items, reporter, workers=workers or 1)
        boards.say_cost((item.plan for item in items if item.untrained), reporter)
        failed = sweep(items, asked, store, reporter, boards, force=force, workers=workers, cluster=cluster)
    for _, line in sorted(boards.lost.items()):
        say_lost(line)
    if options["as_json"]:
        said = {"boards": sorted(boards.lost), "failed_jobs": failed, "failed_rows": boards.failed}
        print_json({"out": str(boards.folder), **said})
    click.echo(
        f"{plural(len(boards.lost), 'board')} in {boards.folder} changed; "
        f"failed: {plural(failed, 'job')}, {plural(boards.failed, 'row')} of other jobs",
        err=True,
    )
    return 1 if failed else 0


def _planned(
    study: str, only: Sequence[str], options: "Options", isolation: "Isolation[Scorer]"
) -> "list[tuple[Job, Plan]]":
    """The study's jobs with their plans."""
    from prunebench.leaderboard.locations import PUBLISHED
    from prunebench.scoring.registry import SCORERS
    from prunebench.sweep.plans import plans_of, with_all
    from prunebench.sweep.study import read_study

    read = _published(only) if study == PUBLISHED else read_study(Path(study), only)
    wanted = [with_all(job, isolation) for job in read]
    try:
        with others_on_stderr():
            return plans_of(wanted, options, isolation.load)
    except RequestError as error:
        if only or error.option != SCORERS.noun:
            raise
        raise error.about(f"{Path(study).name} scorers") from None


def _published(scorers: Sequence[str]) -> "list[Job]":
    """The jobs of the published boards; those on data that is not here are named and left out."""
    from prunebench.leaderboard.locations import study_files
    from prunebench.sweep.study import read_study
    from prunebench.tasks.datasets import DATASETS

    found, missing = [], Counter[str]()
    for job in (job for file in study_files() for job in read_study(file, scorers)):
        if job.task.dataset in DATASETS or Path(job.task.dataset).exists():
            found.append(job)
        else:
            missing[job.task.dataset] += 1
    for dataset, count in missing.items():
        say_left_out([f"{plural(count, 'job')} on {dataset}, which is not here (docs/tasks.md)"])
    return found
