"""Scoring and measuring again, from stored networks, to see whether a store's results can be trusted."""

import json
import math
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from prunebench.benchmark.measures import Asked, measure_network, measure_scores, subject
from prunebench.benchmark.plan import DENSE
from prunebench.benchmark.rescore import NotHere, rescore, rescore_shuffled
from prunebench.errors import PrunebenchError
from prunebench.evaluation.metrics import EVALUATOR_VERSION
from prunebench.evaluation.protocols import LABELS, TRAINED
from prunebench.fields import options_of
from prunebench.scoring.registry import load_scorer
from prunebench.scoring.scorer import Scorer
from prunebench.store.checked_rows import CheckedRows
from prunebench.store.network_files import Damaged
from prunebench.store.records import FINAL, Key, Measure, Values, read_values
from prunebench.store.store import Store
from prunebench.store.tables import TrainingRow
from prunebench.tasks.load import load_task
from prunebench.tasks.spec import TaskSpec
from prunebench.tasks.task import Task
from prunebench.training.architecture import architecture_of, loaded
from prunebench.training.initial import initialise
from prunebench.training.recipe import Recipe

# Float rounding on another device may swap two neurons that are nearly tied, turn one sample over, or move
# one neuron to another group; numbers that differ by more are other numbers.
ROUNDING = 1e-3

_Result = tuple[Key, Measure, str]


@dataclass
class Audit:
    """What came of it.

    Attributes:
        checked: results that came out as they are stored.
        rescored: scores that came out as they are stored.
        differing: results and scores that did not, by name.
        unchecked: why how many of the sampled ones could not be measured or scored again.
    """

    checked: int = 0
    rescored: int = 0
    differing: list[str] = field(default_factory=list)
    unchecked: Counter[str] = field(default_factory=Counter)


def audit(
    store: Store,
    fraction: float,
    seed: int = 0,
    load: Callable[[str], Scorer] = load_scorer,
    files: Sequence[str] = (),
) -> Audit:
    """Measure a random sample of all results again, a share of `fraction` of them and at least one.

    The scores that they are of are asked for again too, from the scorers that `load` gives. Networks come
    from packages and `files`.
    """
    rows = sorted(
        (*scoring.names, *result.measure, result.metrics, result.evaluator)
        for scoring, _, results in CheckedRows(store).scorings()
        for result, _ in results
        if scoring.error is None and result.error is None
    )
    chosen = random.Random(seed).sample(rows, min(len(rows), math.ceil(fraction * len(rows))))
    report, by_training = Audit(), defaultdict[str, dict[int, list[_Result]]](dict)
    for training, network, *names, protocol, keep, metrics, evaluator in chosen:
        if evaluator != EVALUATOR_VERSION:
            report.unchecked[f"results of evaluator {evaluator}; this is {EVALUATOR_VERSION}"] += 1
        elif (measure := Measure(protocol, keep)).name in TRAINED:
            report.unchecked[f"results of {measure.name}, which are trained"] += 1
        else:
            mine = by_training[training].setdefault(network, [])
            mine.append((Key(*names), measure, metrics))
    for training, by_network in by_training.items():
        try:
            task, recipe = rebuild_task(store, training), rebuild_recipe(store, training, files)
        except PrunebenchError as error:
            count = sum(map(len, by_network.values()))
            report.unchecked[f"results of training {training}: {error}"] += count
            continue
        for network, results in by_network.items():
            _measure_again(store, training, network, task, recipe, results, load, report)
            for key in sorted({key for key, *_ in results} - {DENSE}):
                _score_again(store, training, network, task, recipe, key, load, report)
    return report


def rebuild_task(store: Store, training: str) -> Task:
    """The task of a training, drawn again from its record. `PrunebenchError` where it is not the same."""
    row = store.find(TrainingRow, training)
    try:
        record = json.loads("" if row is None else row.task)
        dataset = str(record["dataset"])
        if Path(dataset).name != dataset:  # a record names no folder, and reads none
            raise PrunebenchError(f"{dataset!r} is no name of a data set")
        # A field that came later is left out of records at its default.
        task = load_task(**{name: record[name] for name in options_of(TaskSpec) if name in record})
    except (KeyError, TypeError, ValueError) as error:
        raise PrunebenchError(f"its task cannot be drawn again ({error})") from error
    if task.fingerprint != record["fingerprint"]:
        raise PrunebenchError(f"{dataset} is not the same data here")
    return task


def rebuild_recipe(store: Store, training: str, files: Sequence[str]) -> Recipe:
    """The recipe of a training with its network, from its record. `PrunebenchError`: it is not here."""
    row = store.find(TrainingRow, training)
    try:
        recipe = Recipe.read(json.loads("" if row is None else row.recipe))
    except (TypeError, ValueError) as error:
        raise PrunebenchError(f"its recipe cannot be read ({error})") from error
    return loaded(recipe, files)


def _measure_again(
    store: Store,
    training: str,
    seed: int,
    task: Task,
    recipe: Recipe,
    results: Sequence[_Result],
    load: Callable[[str], Scorer],
    report: Audit,
) -> None:
    try:
        architecture = architecture_of(recipe, task.shape, task.outputs)
        network = store.load_state(training, seed, FINAL, architecture).networks
    except Damaged as damage:
        report.unchecked[f"results without their network: {damage}"] += len(results)
        return
    of = cache(lambda recalibrated: subject(network, task, recalibrate=recalibrated))
    for key, measure, metrics in results:
        final = of(measure.recalibrated)
        kept, again = store.scores(training, seed, key), None
        if measure.name == LABELS:
            try:
                again = rescore_shuffled(store, training, seed, key, task, recipe, load)
            except NotHere as lacking:
                report.unchecked[str(lacking).replace("scores", "results", 1)] += 1
                continue
        elif key == DENSE:
            again = measure_network(measure, final)
        elif kept is not None and kept[0].shape[1] == final.units:
            initial = initialise(recipe, task.shape, (seed,), outputs=task.outputs)
            again = measure_scores({key: Asked(*kept, [measure])}, final, seed, initial)[key].get(measure)
        if again is None:
            report.unchecked["results without their scores"] += 1
        elif _equal(read_values(metrics), again, task):
            report.checked += 1
        else:
            name = f"{' '.join(measure).strip()} of {key.scorer or 'the networks'} at step {key.step}"
            report.differing.append(f"{name}, seed {seed}, of training {training}")


def _score_again(
    store: Store,
    training: str,
    seed: int,
    task: Task,
    recipe: Recipe,
    key: Key,
    load: Callable[[str], Scorer],
    report: Audit,
) -> None:
    try:
        other = rescore(store, training, seed, key, task, recipe, load)
    except NotHere as lacking:
        report.unchecked[str(lacking)] += 1
        return
    if other is None:
        report.rescored += 1
    else:
        name = f"scores of {key.scorer} at step {key.step}, seed {seed}, of training {training}"
        report.differing.append(f"{name}: {other}")


def _equal(stored: Values, again: Values, task: Task) -> bool:
    return stored.keys() == again.keys() and all(
        len(stored[path]) == len(again[path])
        and all(
            a is b or (a is not None and b is not None and abs(a - b) <= _allowed(path, task))
            for a, b in zip(stored[path], again[path], strict=True)
        )
        for path in stored
    )


def _allowed(path: str, task: Task) -> float:
    samples = {"accuracy": len(task.x_test), "train_accuracy": task.samples, "groups": 1}
    part = path.partition("/")[0]
    return 1.01 / samples[part] if part in samples else ROUNDING
