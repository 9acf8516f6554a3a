"""Whether a row of somebody else's store is one that this package could have written.

SQLite keeps anything in any column, and checksums can be computed by anybody: before a row is taken over, it
is looked at. File names are made of some of these values.
"""

import json
import math
from typing import Any

import msgspec

from prunebench.store.identity import id_of
from prunebench.store.records import FINAL, Count, LearningCurves, read_values
from prunebench.store.tables import NetworkRow, ResultRow, ScoringRow, TableRow, TrainingRow
from prunebench.training.recipe import Recipe


class _TaskRecord(msgspec.Struct):
    """What is read of a task's record."""

    name: str
    fingerprint: str
    samples: Count
    inputs: Count
    tests: Count
    shape: list[Count] | None = None


def is_valid(row: TableRow, units: int | None = None) -> bool:
    """Whether each column holds what it may; scores are of so many `units`, of any number for None."""
    try:
        msgspec.convert(row.values, type(row))
        match row:
            case TrainingRow():
                return _is_training(row)
            case NetworkRow():
                return _is_network(row)
            case ScoringRow():
                arrays = (array for array in (row.scores, row.signs) if array is not None)
                return all(isinstance(array, bytes) and _fits(array, row.draws, units) for array in arrays)
            case ResultRow():
                read_values(row.metrics)
                return not row.keep or math.isfinite(float(row.keep))
    except (ValueError, KeyError, TypeError, RecursionError):
        return False
    return True


def read_object(text: str) -> dict[str, Any] | None:
    """An object from JSON, with finite numbers; None for anything else."""
    try:
        value = json.loads(text)
        json.dumps(value, allow_nan=False)
    except (ValueError, TypeError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _fits(array: bytes, draws: int, units: int | None) -> bool:
    """Whether float32 numbers are a row of units for each draw."""
    return len(array) == 4 * draws * units if units else len(array) > 0 and len(array) % (4 * draws) == 0


def _is_training(row: TrainingRow) -> bool:
    """A task and a recipe under the id that they have (with `until_loss` the id holds the seeds too)."""
    task = msgspec.convert(read_object(row.task), _TaskRecord)
    recipe = msgspec.convert(read_object(row.recipe), dict[str, Any])
    if "until_loss" in recipe:  # it has a column of its own
        return False
    Recipe.read(recipe | {"until_loss": row.until_loss})
    return row.until_loss is not None or row.id == id_of(task.fingerprint, recipe, task.shape)


def _is_network(row: NetworkRow) -> bool:
    """Curves are there at the end of training, and only there; initial weights follow from the recipe."""
    if row.step != FINAL:
        return row.step != 0 and row.curves is None
    curves = msgspec.convert(read_object(row.curves or ""), LearningCurves)
    return len(curves.steps) == len(curves.loss) == len(curves.accuracy) > 0
