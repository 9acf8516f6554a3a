"""The command that makes one row again, whatever command or study it came from."""

import itertools
import shlex
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import PurePath
from typing import Any

from msgspec import UNSET

from prunebench.evaluation.fractions import default_fractions
from prunebench.evaluation.protocols import (
    DEFAULT_PROTOCOLS,
    EVERY_ROW,
    PROTOCOLS,
    REINITIALISED,
    default_finetune_steps,
)
from prunebench.evaluation.summary import known
from prunebench.fields import options_of, parts, written
from prunebench.plugin.registry import Registry
from prunebench.plugin.spec import files_of, plugin_words
from prunebench.results import Row, TaskRecord
from prunebench.run_spec import RunSpec
from prunebench.scoring.registry import SCORERS
from prunebench.tasks.datasets import DATASETS, default_samples
from prunebench.tasks.spec import TaskSpec
from prunebench.training.defaults import defaults_of
from prunebench.training.recipe import SHALLOW, Recipe
from prunebench.training.seeds import written_seeds

Record = dict[str, Any]


def command_of(task: TaskRecord, recipe: Recipe, row: Row) -> str | None:
    """`prunebench run ...` for this row alone; options that have their default are left out.

    A task that no data set was named for (made in Python, say) keeps the command that was recorded, if any;
    a scorer made in Python, or scores computed elsewhere, have none. Files that a record cannot tell, of
    plugins and of saved scores, are taken from there too. An .npz file or a folder of images is named without
    its place, which differs between machines.
    """
    named = {"dataset", "classes"} <= task.record.keys()
    if not named or (row.command is None and row.name not in _scorers()):
        return row.command
    dataset = task.record["dataset"]
    words = task_options(task.record, default_samples(dataset))
    recorded = shlex.split(row.command or "")
    words += _given(
        Recipe, _written(recipe, recorded), **defaults_of(dataset, recipe.network_spec), network=SHALLOW
    )
    words += _scorer_words(row.scorer, recorded)
    keep = default_fractions(shallow=recipe.network is None)
    left_out: Record = {"keep": keep, "finetune_steps": default_finetune_steps(recipe.steps), "at_steps": ()}
    words += _given(RunSpec, left_out | _asked(row), **left_out)
    return shlex.join(["prunebench", "run", *words])


@cache
def _scorers() -> frozenset[str]:
    """The names that a command finds a scorer by."""
    return frozenset((*Registry(SCORERS).plugins, REINITIALISED))


def task_options(record: Mapping[str, Any], samples: object) -> list[str]:
    """The options that draw a task again, of what is recorded of it; not of this many samples."""
    dataset = record["dataset"]
    classes = "/".join(",".join(map(str, side)) for side in record["classes"])
    words = _given(TaskSpec, {**record, "classes": classes}, samples=samples)
    return words + (["--download"] if dataset in DATASETS and DATASETS[dataset].download else [])


def _given(cls: type, record: Record, **defaults: object) -> list[str]:
    """The options that a record's values are, but for those that have their default."""
    words: list[str] = []
    for name, option in options_of(cls).items():
        value = record.get(name, option.default)
        if isinstance(value, bool) and value != option.default:
            words.append(option.flag if value else option.off)
        elif value != defaults.get(name, option.default):
            values = [written_seeds(value)] if name == "seeds" else value if option.many else [value]
            words += [word for each in values for word in (option.flag, written(each))]
    return words


def _written(recipe: Recipe, recorded: list[str]) -> Record:
    """A recipe's values, its network as it was named where that was done on a command line: a file, too."""
    record = recipe.record | {"network": recipe.network_spec}
    if recipe.network is not None and (named := _values(recorded, "--network")):
        record["network"] = named[-1]
    return record


def _scorer_words(scorer: str, recorded: list[str]) -> list[str]:
    specs = [spec for value in _values(recorded, "--scorer") for spec in parts(value)]
    plugins = plugin_words([*_values(recorded, "--plugin"), *files_of(specs)])
    saved = [file for file in _values(recorded, "--scores") if PurePath(file).stem == scorer]
    if saved:
        return [*plugins, "--scores", saved[-1]]
    # The control that prune_early brings has no scorer of its own; any will do.
    return [*plugins, "--scorer", "random" if scorer == REINITIALISED else scorer]


def _asked(row: Row) -> Record:
    """What a row was asked, beside its scorer, as the fields of a `RunSpec`."""
    asked: Record = {"at_steps": (row.at_step,), "seeds": tuple(row.seeds)}
    protocols = tuple(protocol for protocol in PROTOCOLS if protocol in row.protocols)
    if protocols and not {*EVERY_ROW} <= {*protocols} <= {*DEFAULT_PROTOCOLS}:
        asked["protocols"] = protocols
    if shares := {float(path[2]) for path in row.metrics if len(path) == 3}:
        asked["keep"] = tuple(sorted(shares, reverse=True))
    # Of a training without steps, all of which the default repeats.
    finetuned = known(row.finetune_steps) or UNSET
    given = {"finetune_steps": finetuned, "recalibrate": row.recalibrated}
    return asked | {name: value for name, value in given.items() if value is not UNSET}


def _values(words: Sequence[str], option: str) -> list[str]:
    """What follows an option on a command line, as `--option value` or `--option=value`, each once."""
    found = [value for word, value in itertools.pairwise(words) if word == option]
    found += [word.removeprefix(f"{option}=") for word in words if word.startswith(f"{option}=")]
    return list(dict.fromkeys(found))
