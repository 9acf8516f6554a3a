"""Whether a row of somebody else's store is one that this package could have written.

SQLite keeps anything in any column, and checksums can be computed by anybody: before a row is taken over, it
is looked at. File names are made of some of these values.
"""

import json
import math
import re
from collections.abc import Callable
from typing import Any

from prunebench.store.identity import id_of
from prunebench.store.records import FINAL, Measure, read_values
from prunebench.training.recipe import Recipe

LARGEST = 2**62


def is_training(training: Any, task: Any, recipe: Any, until_loss: Any) -> bool:
    """A task and a recipe under the id that they have (with `until_loss` the id holds the seeds too)."""
    try:
        task, recipe = _object(task), _object(recipe)
        Recipe(**recipe, until_loss=until_loss)
        known = isinstance(task["name"], str) and all(
            _is_count(task[n]) for n in ("samples", "inputs", "tests")
        )
        right = until_loss is not None or training == id_of(task["fingerprint"], recipe)
    except (ValueError, KeyError, TypeError):
        return False
    return known and right and _is_text(training) and re.fullmatch("[0-9a-f]{32}", training) is not None


def is_network(seed: Any, step: Any, sha256: Any, size: Any, seconds: Any, curves: Any, record: Any) -> bool:
    """A network's row: curves are there at the end of training, and only there."""
    return (
        _is_count(seed)
        and (_is_count(step) or step == FINAL)
        and _is_text(sha256)
        and re.fullmatch("[0-9a-f]{64}", sha256) is not None
        and _is_count(size)
        and _is_amount(seconds)
        and (_are_curves(curves) if step == FINAL else curves is None)
        and _is_object(record)
    )


def is_scoring(
    names: tuple[Any, ...],
    error: Any,
    draws: Any,
    cost: tuple[Any, Any],
    arrays: tuple[Any, Any],
    width: int,
    record: Any,
) -> bool:
    """A scoring's row: seed, step and three names; arrays of a float32 for each draw and neuron."""
    seed, step, *texts = names
    return (
        _is_count(seed)
        and _is_count(step)
        and all(map(_is_text, texts))
        and (error is None or _is_text(error))
        and _is_count(draws)
        and draws > 0
        and _is_count(cost[0])
        and _is_amount(cost[1])
        and all(a is None or (isinstance(a, bytes) and len(a) == 4 * draws * width) for a in arrays)
        and _is_object(record)
    )


def is_result(measure: Measure, evaluator: Any, metrics: Any, seconds: Any, record: Any) -> bool:
    """A result's row: finite numbers by name."""
    try:
        share = float(measure.keep) if measure.keep else 1.0
        read_values(metrics)
    except (ValueError, TypeError, RecursionError):
        return False
    return (
        all(map(_is_text, (*measure, evaluator)))
        and math.isfinite(share)
        and _is_amount(seconds)
        and _is_object(record)
    )


def _object(text: Any) -> dict[str, Any]:
    try:
        value = json.loads(text)
        json.dumps(value, allow_nan=False)
    except RecursionError as error:
        raise ValueError("too deep") from error
    if not isinstance(value, dict):
        raise ValueError("not an object")
    return value


def _is_object(text: Any) -> bool:
    return _holds(_object, text)


def _are_curves(text: Any) -> bool:
    def read(text: Any) -> None:
        curves = _object(text)
        steps, loss, accuracy = curves["steps"], curves["loss"], curves["accuracy"]
        if set(curves) != {"steps", "loss", "accuracy"} or not len(steps) == len(loss) == len(accuracy) > 0:
            raise ValueError("not the curves of a network")
        if not all(map(_is_count, steps)) or not all(map(_is_amount, (*loss, *accuracy))):
            raise ValueError("not numbers")

    return _holds(read, text)


def _holds(read: Callable[[Any], object], text: Any) -> bool:
    try:
        read(text)
    except (ValueError, KeyError, TypeError):
        return False
    return True


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value <= LARGEST


def _is_amount(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value < math.inf
