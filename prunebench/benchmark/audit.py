"""Computing results again, from stored networks, to see whether a store's can be trusted."""

import json
import math
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from prunebench.benchmark.plan import DENSE, reinitialised
from prunebench.benchmark.stored_network import NotHere, StoredNetwork
from prunebench.errors import PrunebenchError
from prunebench.evaluation.metrics import EVALUATOR_VERSION
from prunebench.evaluation.protocols import TRAINED
from prunebench.fields import options_of
from prunebench.plugin.record import PluginRecord
from prunebench.plugin.registry import Registry
from prunebench.plugin.spec import parse_spec
from prunebench.reference_networks import NETWORKS
from prunebench.scoring.scorer import Scorer
from prunebench.store.checked_rows import CheckedRows
from prunebench.store.records import Key, Measure, Values, read_values
from prunebench.store.store import Store
from prunebench.store.tables import TrainingRow
from prunebench.store.validation import is_valid
from prunebench.tasks.load import load_task
from prunebench.tasks.spec import TaskSpec
from prunebench.tasks.task import Task
from prunebench.training.architecture import loaded
from prunebench.training.memory import check_memory
from prunebench.training.recipe import Recipe

# Float rounding on another device may swap two neurons that are nearly tied, turn one sample over, or move
# one neuron to another group; numbers that differ by more are other numbers.
ROUNDING = 1e-3
# Rounding grows in training. With other kernels, the same networks on CIFAR-10 (16,000 steps) ended with test
# accuracies that differed by up to 0.005.
TRAINED_ROUNDING = 0.03

_Result = tuple[Key, Measure, str]


class Audit(msgspec.Struct, forbid_unknown_fields=True):
    """What came of it.

    Attributes:
        checked: results that came out as they are stored.
        rescored: scores that came out as they are stored.
        differing: results and scores that did not, by name.
        unchecked: why how many of the sampled ones could not be measured or scored again.
    """

    checked: int
    rescored: int
    differing: list[str]
    unchecked: dict[str, int]


def audit(
    store: Store,
    fraction: float,
    load: Callable[[str], Scorer],
    files: Sequence[str] = (),
) -> Audit:
    """Compute a random sample of all results again, a share of `fraction` of them and at least one.

    They are measured with the scores that are stored, where that needs training after training as much again.
    The scores are asked for again too, from the scorers that `load` gives. Networks come from packages and
    `files`.
    """
    rows, report = [], Audit(0, 0, [], Counter())
    for scoring, whole, results in CheckedRows(store).scorings():
        known = whole and is_valid(scoring)
        for row, sound in results:
            if not (known and sound and is_valid(row)):
                report.unchecked["results that are not what was written"] += 1
            elif scoring.error is None and row.error is None:
                rows.append((*scoring.names, *row.measure, row.metrics, row.evaluator))
    chosen = random.Random(0).sample(sorted(rows), min(len(rows), math.ceil(fraction * len(rows))))
    by_training = defaultdict[str, dict[int, list[_Result]]](dict)
    for training, network, *names, protocol, keep, metrics, evaluator in chosen:
        if evaluator != EVALUATOR_VERSION:
            report.unchecked[f"results of evaluator {evaluator}; this is {EVALUATOR_VERSION}"] += 1
        else:
            result = Key(*names), Measure(protocol, keep), metrics
            by_training[training].setdefault(network, []).append(result)
    for training, by_network in by_training.items():
        try:
            task, recipe = _rebuild(store, training, files)
            check_memory(task, recipe, seeds=1, snapshots=1)
        except PrunebenchError as error:
            count = sum(map(len, by_network.values()))
            report.unchecked[f"results of training {training}: {error}"] += count
            continue
        for network, mine in by_network.items():
            stored = StoredNetwork(store, training, network, task, recipe, load)
            _compute_again(stored, mine, report)
    return report


def _rebuild(store: Store, training: str, files: Sequence[str]) -> tuple[Task, Recipe]:
    """The task of a training, drawn again from its record, and its recipe with its network.

    `PrunebenchError` where one of them is not here, or not the same.
    """
    row = store.find(TrainingRow, training)
    if row is None or not is_valid(row):
        raise PrunebenchError("the record of its task and recipe is not what was written")
    record = json.loads(row.task)
    try:
        dataset = str(record["dataset"])
        if Path(dataset).name != dataset:  # a record names no folder, and reads none
            raise PrunebenchError(f"{dataset!r} is no name of a data set")
        # A field that came later is left out of records at its default.
        task = load_task(**{name: record[name] for name in options_of(TaskSpec) if name in record})
    except (KeyError, TypeError, ValueError) as error:
        raise PrunebenchError(f"its task cannot be drawn again ({error})") from error
    if task.fingerprint != record["fingerprint"]:
        raise PrunebenchError(f"{dataset} is not the same data here")
    recipe = Recipe.read(json.loads(row.recipe) | {"until_loss": row.until_loss})
    if isinstance(recipe.network, PluginRecord):
        name, _ = parse_spec(recipe.network.spec, NETWORKS.noun)
        if name not in Registry(NETWORKS, files).plugins:
            raise PrunebenchError(f"its network {name} is not here (--plugin)")
    return task, loaded(recipe, files)


def _compute_again(network: StoredNetwork, results: Sequence[_Result], report: Audit) -> None:
    """Some results of a network, then the scores that they are of."""
    for key, measure, metrics in results:
        try:
            again = network.measure(key, measure)
        except NotHere as lacking:
            report.unchecked[str(lacking)] += 1
            continue
        if _equal(read_values(metrics), again, measure, network.task):
            report.checked += 1
        else:
            of = f"{measure} of {key.scorer or 'the networks'}"
            report.differing.append(_name(of, key, network))
    for key in sorted({key for key, *_ in results if key not in (DENSE, reinitialised(key.step))}):
        try:
            other = network.difference(key)
        except NotHere as lacking:
            report.unchecked[str(lacking)] += 1
            continue
        if other is None:
            report.rescored += 1
        else:
            report.differing.append(f"{_name(f'scores of {key.scorer}', key, network)}: {other}")


def _name(what: str, key: Key, network: StoredNetwork) -> str:
    return f"{what} at step {key.step}, seed {network.seed}, of training {network.training}"


def _equal(stored: Values, again: Values, measure: Measure, task: Task) -> bool:
    return stored.keys() == again.keys() and all(
        len(stored[path]) == len(again[path])
        and all(
            a is b or (a is not None and b is not None and abs(a - b) <= _allowed(measure, task, path))
            for a, b in zip(stored[path], again[path], strict=True)
        )
        for path in stored
    )


def _allowed(measure: Measure, task: Task, path: str) -> float:
    """How much a metric of a measure may differ."""
    if measure.name in TRAINED:
        return TRAINED_ROUNDING
    samples = {"accuracy": len(task.x_test), "train_accuracy": task.samples, "groups": 1}
    part = path.partition("/")[0]
    return 1.01 / samples[part] if part in samples else ROUNDING
