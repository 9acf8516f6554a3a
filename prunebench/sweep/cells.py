"""The plans of a study's cells."""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from prunebench.benchmark.plan import Plan
from prunebench.device import resolve_device
from prunebench.errors import RequestError
from prunebench.plugin.spec import split_file
from prunebench.scoring.registry import load_scorer
from prunebench.scoring.scorer import Scorer
from prunebench.sweep.study import Cell, Study
from prunebench.tasks.datasets import DATASETS, DEFAULT, default_samples, default_steps
from prunebench.tasks.load import load_task, parse_classes
from prunebench.tasks.task import Task
from prunebench.training.recipe import Recipe


@dataclass(frozen=True)
class Options:
    """What holds for all cells and is not in the study.

    Attributes:
        plugins: files with scorers.
        scorer_timeout: seconds for each scorer at a step, or None.
        download: whether data sets may be downloaded.
        command: the command line, for the record.
    """

    plugins: tuple[str, ...] = ()
    scorer_timeout: float | None = None
    device: str = "auto"
    download: bool = False
    command: str | None = None


Load = Callable[[str], Scorer]


def plans_of(
    study: Study, options: Options | None = None, load: Load = load_scorer
) -> list[tuple[Cell, Plan]]:
    """Every cell with its plan; `load` gives the scorer for a spec.

    `RequestError` for the first cell that could not be run, before any is.
    """
    options = options or Options()
    # The cheap checks first: a typo should not wait for a data set.
    specs = dict.fromkeys(spec for cell in study.cells for spec in cell.settings.scorers)
    scorers = {spec: load(spec) for spec in specs}
    resolve_device(options.device)
    for cell in study.cells:
        _recipe_of(cell)
    return [(cell, _plan(cell, options, scorers)) for cell in study.cells]


def plan_of(cell: Cell, options: Options, load: Load = load_scorer) -> Plan:
    """One cell's plan."""
    return _plan(cell, options, {spec: load(spec) for spec in cell.settings.scorers})


def _plan(cell: Cell, options: Options, scorers: dict[str, Scorer]) -> Plan:
    settings, recipe = cell.settings, _recipe_of(cell)
    task = _in_cell(cell, _load, download=options.download, **cell.task)
    epoch = _in_cell(cell, recipe.epoch_steps, samples=task.samples)
    steps = [*settings.at_steps, *(number * epoch for number in settings.at_epochs)]
    plan: Plan = _in_cell(
        cell,
        Plan,
        task=task,
        recipe=recipe,
        scorers=[scorers[spec] for spec in settings.scorers],
        at_steps=tuple(dict.fromkeys(steps)),
        seeds=settings.seeds,
        protocols=settings.protocols,
        fractions=settings.fractions,
        device=options.device,
        command=options.command,
    )
    return plan


def from_anywhere(cell: Cell, options: Options) -> tuple[Cell, Options]:
    """The same with absolute paths, for a process that works in another folder."""
    dataset = cell.task.get("dataset", DEFAULT)
    if dataset not in DATASETS:
        cell = replace(cell, task=cell.task | {"dataset": os.path.abspath(os.path.expanduser(dataset))})
    scorers = [split_file(spec) for spec in cell.settings.scorers]
    specs = tuple(f"{os.path.abspath(file)}:{rest}" if file else rest for file, rest in scorers)
    cell = replace(cell, settings=replace(cell.settings, scorers=specs))
    return cell, replace(options, plugins=tuple(os.path.abspath(file) for file in options.plugins))


def _recipe_of(cell: Cell) -> Recipe:
    steps = default_steps(cell.task.get("dataset", DEFAULT))
    values = {"steps": steps, "until_loss": cell.settings.until_loss} | cell.recipe
    recipe: Recipe = _in_cell(cell, Recipe, **values)
    return recipe


@lru_cache(maxsize=64)
def _load(download: bool, dataset: str = DEFAULT, classes: str = "0,3/1,2", **options: Any) -> Task:
    options = {"samples": default_samples(dataset)} | options
    return load_task(dataset, classes=parse_classes(classes), download=download, **options)


def _in_cell(cell: Cell, make: Any, **values: Any) -> Any:
    try:
        return make(**values)
    except RequestError as error:
        accepted = f"{error.accepted} (in cell {cell.title})"
        raise RequestError(error.option, error.value, accepted) from error
