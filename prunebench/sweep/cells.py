"""The plans of a study's cells."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from prunebench.benchmark.plan import Plan
from prunebench.device import resolve_device
from prunebench.errors import RequestError
from prunebench.scoring.registry import load_scorer
from prunebench.scoring.scorer import Scorer
from prunebench.sweep.study import Cell, Study
from prunebench.tasks.datasets import DEFAULT, default_samples, default_steps
from prunebench.tasks.load import load_task, parse_classes
from prunebench.tasks.task import Task
from prunebench.training.recipe import Recipe


def plans_of(
    study: Study,
    *,
    load: Callable[[str], Scorer] = load_scorer,
    device: str = "auto",
    download: bool = False,
    command: str | None = None,
) -> list[tuple[Cell, Plan]]:
    """Every cell with its plan; `load` gives the scorer for a spec.

    `RequestError` for the first cell that could not be run, before any is.
    """
    specs = dict.fromkeys(spec for cell in study.cells for spec in cell.settings.scorers)
    scorers = {spec: load(spec) for spec in specs}
    resolve_device(device)
    recipes = [_in_cell(cell, Recipe, **_recipe_of(cell)) for cell in study.cells]
    found = []
    for cell, recipe in zip(study.cells, recipes, strict=True):
        task = _in_cell(cell, _load, download=download, **cell.task)
        settings, epoch = cell.settings, _in_cell(cell, recipe.epoch_steps, samples=task.samples)
        steps = [*settings.at_steps, *(number * epoch for number in settings.at_epochs)]
        plan = _in_cell(
            cell,
            Plan,
            task=task,
            recipe=recipe,
            scorers=[scorers[spec] for spec in settings.scorers],
            at_steps=tuple(dict.fromkeys(steps)),
            seeds=settings.seeds,
            protocols=settings.protocols,
            fractions=settings.fractions,
            device=device,
            until_loss=settings.until_loss,
            command=command,
        )
        found.append((cell, plan))
    return found


def _recipe_of(cell: Cell) -> dict[str, Any]:
    return {"steps": default_steps(cell.task.get("dataset", DEFAULT))} | cell.recipe


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
