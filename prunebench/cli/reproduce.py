"""`prunebench reproduce`: the paper's figures and tables."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from prunebench.cli.options import given, task_options
from prunebench.cli.types import PATH, SEEDS
from prunebench.experiments.catalogue import NAMES
from prunebench.tasks.spec import TaskSpec

if TYPE_CHECKING:
    import torch

    from prunebench.experiments.lab import Lab
    from prunebench.experiments.setting import Setting
    from prunebench.tasks.task import Task


@click.command("reproduce", epilog=f"Experiments: {', '.join(NAMES)}.")
@click.argument("names", nargs=-1, required=True, metavar="EXPERIMENT...")
@task_options("samples")
@click.option("--quick", is_flag=True, help="Small networks and few steps: minutes instead of half an hour.")
@click.option("--seeds", type=SEEDS, help="Networks to train. [default: 5, with --quick 3]")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N.")
@click.option(
    "--out", type=PATH, default="reproduction", show_default=True, help="Folder of figures, rows and report."
)
@click.option("--quiet", is_flag=True, help="No progress.")
def command(names: tuple[str, ...], **options: Any) -> int:
    """Reproduce the paper's experiments: figures, rows and a report that says which claims hold.

    EXPERIMENT is one of those named below, or all. What is already in the folder, or was trained for another
    experiment, is not done again: an interrupted run goes on where it was.

    \b
    prunebench reproduce fig4 --quick
    prunebench reproduce all --dataset cifar10 --download --out reproduction
    """
    from prunebench.cli.progress import TerminalReporter
    from prunebench.device import resolve_device
    from prunebench.drawing import check_matplotlib
    from prunebench.experiments.catalogue import load_experiment
    from prunebench.experiments.lab import Lab
    from prunebench.experiments.reproduce import reproduce
    from prunebench.store.files import writable_folder
    from prunebench.store.store import Store

    for name in names:
        if name != "all":
            load_experiment(name)
    check_matplotlib()
    device = resolve_device(options["device"])
    setting, load = _setting(options)
    out = writable_folder("--out", Path(options["out"]))
    with TerminalReporter(quiet=options["quiet"]) as reporter, Store(out / ".cache") as store:
        lab = Lab(setting, load, store, str(device), reporter)
        files = reproduce(names, lab, out, _about(lab, options["dataset"] or TaskSpec.dataset, device))
    for file in files:
        click.echo(f"report: {file}", err=True)
    return 0


def _setting(options: dict[str, Any]) -> "tuple[Setting, Callable[[int], Task]]":
    """The setting, less the sizes that the data do not have; and what loads a task of N samples."""
    from prunebench.errors import RequestError
    from prunebench.experiments.setting import FULL, QUICK
    from prunebench.tasks.load import load_spec

    spec = TaskSpec(**given(TaskSpec, options))

    def load(samples: int) -> "Task":
        return load_spec(dataclasses.replace(spec, samples=samples), download=options["download"])

    setting = QUICK if options["quick"] else FULL
    load(setting.samples)  # what is wrong with the request shows here
    if options["seeds"]:
        setting = dataclasses.replace(setting, seeds=options["seeds"])
    for samples in sorted({*setting.sizes, *setting.curve_sizes}, reverse=True):
        try:
            load(samples)
        except RequestError as error:
            if error.option != "samples":
                raise
            setting = setting.up_to(samples - 1)
        else:
            break
    return setting, load


def _about(lab: "Lab", dataset: str, device: "torch.device") -> dict[str, Any]:
    from prunebench.store.provenance import environment

    setting, task, machine = lab.setting, lab.task(), environment(device)
    sides = " against ".join(" + ".join(side) for side in task.source["class_names"])
    return {
        "command": f"`prunebench reproduce all --dataset {Path(dataset).name}"
        + (" --quick`" if setting.name == "quick" else "`"),
        "data": f"{task.name}: {sides}; {task.inputs} inputs, scaling {task.source['scaling']}",
        "networks": f"d = {setting.width}, N = {setting.samples}, initial scale {setting.scales[0]:g},"
        " learning rate"
        f" {setting.rates[0]:g}, {setting.steps:,} steps (more for a larger N, up to {setting.most_steps:,}),"
        f" seeds {', '.join(map(str, setting.seeds))}; others where a figure says so",
        "made with": f"prunebench {machine['prunebench']} (commit {machine['commit']}), torch"
        f" {machine['torch']},"
        f" {machine['device']}, {machine['threads']} threads",
    }
