"""`prunebench run`: scorers on one task and recipe, up to a board."""

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from prunebench.cli.boards import cite_published, out_option, say_lost
from prunebench.cli.complete import complete_scorers
from prunebench.cli.options import (
    PLUGIN,
    common_from,
    compute_options,
    isolate,
    job_from,
    options_for,
    recipe_options,
    scorer_options,
    store_options,
    task_options,
    warn,
)
from prunebench.cli.streams import others_on_stderr
from prunebench.cli.types import PATH, SEEDS
from prunebench.errors import RequestError
from prunebench.plugin.spec import canonical
from prunebench.run_spec import RunSpec

if TYPE_CHECKING:
    from prunebench.benchmark.plan import Plan


SCORERS = {"metavar": PLUGIN, "shell_complete": complete_scorers}


@click.command("run")
@task_options()
@recipe_options
@options_for(RunSpec, scorers=SCORERS, seeds={"type": SEEDS, "multiple": False, "callback": None})
@click.option(
    "--scores",
    "files",
    multiple=True,
    type=PATH,
    metavar="FILE.npz",
    help="Scores computed elsewhere for the one step: an array `scores` (seeds, neurons); repeatable.",
)
@scorer_options
@compute_options
@out_option
@store_options
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON document on stdout.")
def command(**options: Any) -> int:
    """Train reference networks, score their neurons at early steps, and rank the scorers.

    \b
    prunebench run --scorer alignment --at-step 50
    prunebench run --scorer "growing_mode,imp[sparsity=0.7]" --at-step 0,200
    prunebench run --scorer all --at-step 0 --protocol rank
    prunebench run --dataset cifar10 --download --scorer snip --at-epoch 1 --protocol prune_early
    prunebench run --network lenet --classes all --scorer growing_mode,snip --at-step 0
    """
    from prunebench.benchmark.run import dry_run, run_plan
    from prunebench.console import console
    from prunebench.leaderboard.folder import add_to_folder
    from prunebench.leaderboard.lost import lost, protocols_of
    from prunebench.leaderboard.terminal import render
    from prunebench.progress import TerminalReporter
    from prunebench.store.files import check_folder, writable_file
    from prunebench.store.store import Store
    from prunebench.sweep.plans import board_of

    if options["dry_run"] and options["as_json"]:
        raise click.UsageError("--json: it prints results, and --dry-run has none; leave one of them out")
    with others_on_stderr():
        plan = _plan(options)
    if options["dry_run"]:
        with Store.to_read(Path(options["store"])) as store:
            dry_run(plan, TerminalReporter(), store, force=options["force"])
        return 0
    folder = Path(options["out"])
    check_folder("--store", Path(options["store"]))
    check_folder("--out", folder)
    shown = TerminalReporter(quiet=options["quiet"], debug=click.get_current_context().obj)
    with others_on_stderr(), Store(Path(options["store"])) as store, shown as reporter:
        for ending in ("json", "md", "csv"):
            writable_file("--out", folder / f"{board_of(plan)}.{ending}")
        document = run_plan(plan, reporter, store, force=options["force"])
    board, files, older = add_to_folder(document, folder)
    if options["as_json"]:
        click.echo(json.dumps(document.content(), indent=1, allow_nan=False))
    else:
        keys = {row.key for row in document.rows}
        console().print(render(board, [row for row in board.rows if row.key in keys]))
    click.echo(f"board: {files[1]} (and .json, .csv)", err=True)
    say_lost(lost(protocols_of(older), board))
    cite_published(board.name, folder)
    asked = [row for row in document.rows if not row.control]
    return 1 if asked and all(row.status != "ok" for row in asked) else 0


def _plan(options: dict[str, Any]) -> "Plan":
    from prunebench.benchmark.run import check_fit
    from prunebench.device import resolve_device
    from prunebench.scoring.registry import ALL
    from prunebench.scoring.saved import read_scores
    from prunebench.sweep.plans import plan_of, with_all
    from prunebench.training.architecture import architecture_of

    # The cheap checks first: a typo should not wait for a data set.
    job, files = job_from(options), options["files"]
    isolation = isolate(options)
    asked = job.run.scorers
    job = with_all(job, isolation)
    scorers = {spec: isolation.load(spec) for spec in job.run.scorers}
    warn(isolation)
    resolve_device(options["device"])
    if files and len({*job.run.at_steps}) + len({*job.run.at_epochs}) != 1:
        raise RequestError("--scores", files[0], "give the one --at-step that they stand for")
    plan = plan_of(job, common_from(options), scorers.__getitem__)
    units = architecture_of(plan.recipe, plan.task.shape, plan.task.outputs).units
    saved = [read_scores(Path(file), plan.seeds, units) for file in files]
    if ALL in asked:  # of those that nobody named, what cannot take these networks is left out
        fit = [s for s in plan.scorers if canonical(s) not in plan.unfit or canonical(s) in asked]
        plan = replace(plan, scorers=fit)
    check_fit(plan)
    return replace(plan, scorers=[*plan.scorers, *saved]) if saved else plan
