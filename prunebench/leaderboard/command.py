"""The command that makes one row again, whatever command or study it came from."""

import itertools
import shlex
from collections.abc import Sequence
from dataclasses import fields
from pathlib import PurePath
from typing import Any

from prunebench.evaluation.fractions import FRACTIONS, label
from prunebench.evaluation.protocols import DEFAULT_PROTOCOLS, PROTOCOLS, REINITIALISED
from prunebench.results import Row, TaskRecord
from prunebench.tasks.datasets import DATASETS, DEFAULT, default_samples, default_steps
from prunebench.training.recipe import Recipe

Record = dict[str, Any]


def reproduce(task: TaskRecord, recipe: Recipe, row: Row) -> str | None:
    """`prunebench run ...` for this row alone; options that have their default are left out.

    A task that no data set was named for (made in Python, say) keeps the command that was recorded. Files
    that a record cannot tell, of plugins and of saved scores, are taken from there too. An .npz file or a
    folder of images is named without its place, which differs between machines.
    """
    if "dataset" not in task.record:
        return row.command
    words = [*_task_words(task.record), *_recipe_words(task.record["dataset"], recipe)]
    words += [*_scorer_words(row.scorer, shlex.split(row.command or "")), "--at-step", str(row.at_step)]
    words += _option("--seeds", _seeds(row.seeds), "20") + _protocol_words(row)
    return shlex.join(["prunebench", "run", *words])


def _task_words(task: Record) -> list[str]:
    dataset = task["dataset"]
    classes = "/".join(",".join(map(str, side)) for side in task["classes"])
    words = _option("--dataset", dataset, DEFAULT)
    words += _option("--classes", classes, "0,3/1,2")
    words += _option("--samples", task["samples"], default_samples(dataset))
    words += _option("--task-seed", task["seed"], 0)
    words += _option("--scaling", task["scaling"], "symmetric")
    return words + (["--download"] if dataset in DATASETS and DATASETS[dataset].download else [])


def _recipe_words(dataset: str, recipe: Recipe) -> list[str]:
    defaults = {field.name: field.default for field in fields(Recipe)}
    defaults |= {"steps": default_steps(dataset)}
    return [
        word
        for name, value in recipe.record.items()
        for word in _option("--" + name.replace("_", "-"), value, defaults.get(name))
    ]


def _scorer_words(scorer: str, recorded: list[str]) -> list[str]:
    plugins = [word for file in _values(recorded, "--plugin") for word in ("--plugin", file)]
    saved = [file for file in _values(recorded, "--scores") if PurePath(file).stem == scorer]
    if saved:
        return [*plugins, "--scores", saved[-1]]
    # The control that prune_early brings has no scorer of its own; any will do.
    return [*plugins, "--scorer", "random" if scorer == REINITIALISED else scorer]


def _protocol_words(row: Row) -> list[str]:
    protocols = [protocol for protocol in PROTOCOLS if protocol in row.protocols]
    shares = sorted({path[2] for path in row.metrics if len(path) == 3}, key=float, reverse=True)
    words: list[str] = []
    if protocols and set(protocols) != set(DEFAULT_PROTOCOLS):
        words += [word for protocol in protocols for word in ("--protocol", protocol)]
    if shares and shares != [label(fraction) for fraction in FRACTIONS]:
        words += [word for share in shares for word in ("--keep", share)]
    return words


def _seeds(seeds: Sequence[int]) -> str:
    first, last = seeds[0], seeds[-1]
    if list(seeds) != list(range(first, last + 1)):
        return ",".join(map(str, seeds))
    if first == 0:
        return str(last + 1)
    return f"{first}-{last}"


def _option(name: str, value: object, default: object) -> list[str]:
    return [] if value == default else [name, str(value)]


def _values(words: Sequence[str], option: str) -> list[str]:
    """What follows an option on a command line, as `--option value` or `--option=value`, each once."""
    found = [value for word, value in itertools.pairwise(words) if word == option]
    found += [word.removeprefix(f"{option}=") for word in words if word.startswith(f"{option}=")]
    return list(dict.fromkeys(found))
