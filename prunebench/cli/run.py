"""`prunebench run`: the main job."""

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from prunebench.cli.boards import cite_published, out_option
from prunebench.cli.complete import complete_scorers
from prunebench.cli.options import isolate, recipe_options, scorer_options, store_options, task_options, warn
from prunebench.cli.types import PATH, RATE, SEEDS
from prunebench.evaluation.protocols import DEFAULT_PROTOCOLS, PROTOCOLS

if TYPE_CHECKING:
    from prunebench.benchmark import Plan


@click.command("run")
@task_options
@recipe_options
@click.option(
    "--scorer",
    "scorers",
    multiple=True,
    default=("alignment",),
    show_default=True,
    metavar="[FILE.py:]NAME[PARAM=VALUE,...]",
    shell_complete=complete_scorers,
    help="Scorer to rank, one of `prunebench list scorers` or a class in a file of yours; repeatable.",
)
@click.option(
    "--scores",
    "files",
    multiple=True,
    type=PATH,
    metavar="FILE.npz",
    help="Scores computed elsewhere for the one step: an array `scores` (seeds, neurons); repeatable.",
)
@scorer_options
@click.option(
    "--at-step",
    "at_steps",
    multiple=True,
    type=click.IntRange(min=0),
    help="Score at this step; repeatable. [default: 50]",
)
@click.option(
    "--at-epoch",
    "at_epochs",
    multiple=True,
    type=click.IntRange(min=0),
    help="Score at the end of this epoch; repeatable.",
)
@click.option(
    "--seeds",
    type=SEEDS,
    default="20",
    show_default=True,
    help="Networks to train: a number, or seeds such as 3,5 or 0-9.",
)
@click.option(
    "--protocol",
    "protocols",
    multiple=True,
    type=click.Choice(PROTOCOLS),
    default=DEFAULT_PROTOCOLS,
    show_default=True,
    help="How to evaluate; repeatable. prune_early trains again, for each scorer and step.",
)
@click.option(
    "--keep",
    "fractions",
    multiple=True,
    type=RATE,
    help="Share of the neurons to keep; repeatable. [default: 0.5, 0.2, 0.1, 0.05, 0.02, 0.01]",
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N.")
@out_option
@store_options
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON document on stdout.")
@click.option("--quiet", is_flag=True, help="No plan and no progress bars.")
def command(**options: Any) -> int:
    """Train reference networks, score their neurons at early steps, and rank the scorers.

    \b
    prunebench run --scorer alignment --at-step 50
    prunebench run --scorer growing_mode --scorer "imp[sparsity=0.7]" --at-step 0 --at-step 200
    prunebench run --dataset cifar10 --download --scorer snip --at-epoch 1 --protocol prune_early
    """
    from prunebench.benchmark import dry_run, run_benchmark
    from prunebench.cli.progress import TerminalReporter
    from prunebench.leaderboard.folder import add_to_folder
    from prunebench.leaderboard.terminal import console, render
    from prunebench.store.files import check_folder, writable_folder
    from prunebench.store.store import Store

    plan = _plan(options)
    if options["dry_run"]:
        with Store.to_read(Path(options["store"])) as store:
            dry_run(plan, TerminalReporter(), store, force=options["force"])
        return 0
    check_folder("--store", Path(options["store"]))
    folder = writable_folder("--out", Path(options["out"]))
    debug = bool(click.get_current_context().obj)
    shown = TerminalReporter(quiet=options["quiet"], debug=debug)
    with Store(Path(options["store"])) as store, shown as reporter:
        document = run_benchmark(plan, reporter, store, force=options["force"])
    board, files = add_to_folder(document, folder)
    if options["as_json"]:
        click.echo(json.dumps(document.to_json(), indent=1, allow_nan=False))
    else:
        keys = {row.key for row in document.rows}
        console().print(render(board, [row for row in board.rows if row.key in keys]))
    click.echo(f"board: {files[1]} (and .json, .csv)", err=True)
    cite_published(board.name, folder)
    asked = [row for row in document.rows if not row.control]
    return 1 if asked and all(row.status != "ok" for row in asked) else 0


def _plan(options: dict[str, Any]) -> "Plan":
    from prunebench.benchmark import Plan
    from prunebench.cli.options import load_recipe, load_task_from
    from prunebench.device import resolve_device
    from prunebench.errors import RequestError
    from prunebench.evaluation.fractions import FRACTIONS, check_fractions
    from prunebench.scoring.saved import read_scores

    # The cheap checks first: a typo should not wait for a data set.
    isolation = isolate(options)
    scorers = [isolation.load(spec) for spec in options["scorers"]]
    warn(isolation)
    resolve_device(options["device"])
    recipe = load_recipe(options)
    if options["files"] and len({*options["at_steps"]}) + len({*options["at_epochs"]}) != 1:
        raise RequestError("--scores", options["files"][0], "give the one --at-step that they stand for")
    scorers += [read_scores(Path(file), options["seeds"], recipe.width) for file in options["files"]]
    task = load_task_from(options)
    epoch = recipe.epoch_steps(task.samples)
    for number in options["at_epochs"]:
        if number * epoch > recipe.steps:
            raise RequestError("--at-epoch", number, f"training ends after {recipe.steps / epoch:g} epochs")
    steps = [*options["at_steps"], *(number * epoch for number in options["at_epochs"])] or [50]
    return Plan(
        task=task,
        recipe=recipe,
        scorers=scorers,
        at_steps=tuple(dict.fromkeys(steps)),
        seeds=options["seeds"],
        protocols=tuple(dict.fromkeys(options["protocols"])),
        fractions=check_fractions(options["fractions"] or FRACTIONS),
        device=options["device"],
        command=shlex.join(["prunebench", *sys.argv[1:]]),
    )
