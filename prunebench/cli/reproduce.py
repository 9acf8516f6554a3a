"""`prunebench reproduce`: the paper's figures and tables."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from prunebench.cli.options import compute_options, given, task_options
from prunebench.cli.types import PATH, SEEDS
from prunebench.experiments.catalogue import NAMES
from prunebench.tasks.spec import TaskSpec

if TYPE_CHECKING:
    from prunebench.tasks.task import Task


@click.command("reproduce", epilog=f"Experiments: {', '.join(NAMES)}.")
@click.argument("names", nargs=-1, required=True, metavar="EXPERIMENT...")
@task_options("samples")
@click.option("--quick", is_flag=True, help="Small networks and few steps: minutes instead of half an hour.")
@click.option("--seeds", type=SEEDS, help=f"Networks to train. [{SEEDS.limits}; default: 5, with --quick 3]")
@compute_options
@click.option(
    "--out", type=PATH, default="reproduction", show_default=True, help="Folder of figures, rows and report."
)
def command(names: tuple[str, ...], **options: Any) -> int:
    """Reproduce the paper's experiments: figures, rows and a report that says which claims hold.

    EXPERIMENT is one of those named below, or all. What is already in the folder, or was trained for another
    experiment, is not done again: an interrupted run goes on where it was.

    \b
    prunebench reproduce fig4 --quick
    prunebench reproduce all --dataset cifar10 --download --out reproduction
    """
    from prunebench.device import resolve_device
    from prunebench.drawing import check_matplotlib
    from prunebench.experiments.catalogue import load_experiment
    from prunebench.experiments.lab import Lab
    from prunebench.experiments.report import describe
    from prunebench.experiments.reproduce import reproduce
    from prunebench.experiments.setting import FULL, QUICK
    from prunebench.progress import TerminalReporter
    from prunebench.store.files import writable_folder
    from prunebench.store.store import Store
    from prunebench.tasks.load import load_spec

    for name in names:
        if name != "all":
            load_experiment(name)
    check_matplotlib()
    device = resolve_device(options["device"])
    spec = TaskSpec(**given(TaskSpec, options))

    def load(samples: int) -> "Task":
        return load_spec(replace(spec, samples=samples), download=options["download"])

    setting = (QUICK if options["quick"] else FULL).fitting(load)
    setting = replace(setting, seeds=options["seeds"] or setting.seeds)
    out = writable_folder("--out", Path(options["out"]))
    with TerminalReporter(quiet=options["quiet"]) as reporter, Store(out / ".cache") as store:
        lab = Lab(setting, load, store, str(device), reporter)
        files = reproduce(names, lab, out, describe(lab))
    for file in files:
        click.echo(f"report: {file}", err=True)
    return 0
