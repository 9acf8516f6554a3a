"""Every result as one long table: a row for each number, with all that is known of it.

Rows: one for each training, seed, step, scorer, protocol, share of kept units, metric, layer and draw. A
failure is a row with its error and no value. The trained networks' own measures have neither scorer nor step.
"""

import json
from collections.abc import Iterator
from typing import Any

from prunebench.evaluation.metrics import place_of
from prunebench.store.checked_rows import IN_ORDER, CheckedRows
from prunebench.store.records import Measure, read_values
from prunebench.store.store import Store
from prunebench.store.tables import EnvironmentRow, FailureRow, ResultRow, ScoringRow, TrainingRow

Scalar = str | int | float | None
DENSE = "dense"  # in place of a protocol: of the trained networks themselves
# The columns between what describes the training and what describes the making.
_RESULT: dict[str, type] = {
    "seed": int,
    "at_step": int,
    "scorer": str,
    "version": str,
    "source": str,
    "status": str,
    "error": str,
    "protocol": str,
    "settings": str,
    "keep": float,
    "metric": str,
    "layer": str,
    "draw": int,
    "value": float,
    "evaluator": str,
    "extra_gradient_steps": int,
    "scoring_seconds": float,
    "sample_gradients": float,
}


def flat(cell: Any, kind: type) -> Scalar:
    """A cell for formats that have texts and numbers alone: what is neither is written as JSON."""
    if kind is not str or cell is None or isinstance(cell, str):
        return cell
    return json.dumps(cell)


class ResultTable:
    """The rows of a store, read as they are asked for.

    Attributes:
        columns: names and types; in one of texts may stand whatever JSON has (`flat` writes it). `task_`,
            `recipe_` and `made_` stand before what records hold.
        damaged: rows of the store that were left out because they fail their checksum, known after reading.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.damaged = 0
        rows = CheckedRows(store)
        trainings = [row for row, whole in rows.of(TrainingRow) if whole]
        task = _records("task_", {row.id: row.task for row in trainings})
        recipe = _records("recipe_", {row.id: _recipe(row) for row in trainings})
        made = _records("made_", {row.id: row.record for row, whole in rows.of(EnvironmentRow) if whole})
        self.columns = {"training": str, **task[0], **recipe[0], **_RESULT, **made[0]}
        self._training = {row.id: (row.id, *task[1][row.id], *recipe[1][row.id]) for row in trainings}
        self._made = made[1]

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        self.damaged = 0
        rows = CheckedRows(self.store)
        for failure, whole in rows.of(FailureRow, "ORDER BY training"):
            if whole and self._knows(failure.training, failure.provenance):
                known = {"status": "failed", "error": failure.error}
                yield self._row(failure.training, failure.provenance, tuple(map(known.get, _RESULT)))
            else:
                self.damaged += 1
        for scoring, whole, found in rows.scorings(IN_ORDER):
            results = found if scoring.error is None else []  # those of an earlier time
            if not whole or not self._knows(scoring.training, scoring.provenance):
                self.damaged += max(1, len(results))
                continue
            if scoring.error is not None:
                failed = (*_names(scoring), "failed", scoring.error, *[None] * 8, *_cost(scoring))
                yield self._row(scoring.training, scoring.provenance, failed)
            for result, is_whole in results:
                if is_whole and self._knows(scoring.training, result.provenance):
                    for cells in _scored(scoring, result):
                        yield self._row(scoring.training, result.provenance, cells)
                else:
                    self.damaged += 1

    def _knows(self, training: str, made: int) -> bool:
        return training in self._training and made in self._made

    def _row(self, training: str, made: int, cells: tuple[Scalar, ...]) -> tuple[Any, ...]:
        return self._training[training] + cells + self._made[made]


def _cost(scoring: ScoringRow) -> tuple[Scalar, ...]:
    return scoring.extra_steps, scoring.seconds, scoring.sample_gradients


def _scored(scoring: ScoringRow, result: ResultRow) -> Iterator[tuple[Scalar, ...]]:
    """The cells between what describes the training and the making."""
    names, cost = _names(scoring), _cost(scoring)
    measure, evaluator = Measure(result.protocol), result.evaluator
    protocol = measure.name if scoring.scorer else DENSE, measure.settings or None
    if result.error is not None:  # of the measure alone
        share = float(result.keep) if result.keep else None
        yield (*names, "failed", result.error, *protocol, share, None, None, None, None, evaluator, *cost)
    for path, values in read_values(result.metrics).items():
        metric, share, layer = place_of(tuple(path.split("/")))
        for draw, value in enumerate(values):
            yield (*names, "ok", None, *protocol, share, metric, layer, draw, value, evaluator, *cost)


def _names(scoring: ScoringRow) -> tuple[Scalar, ...]:
    """What no scorer scored was not scored at a step either."""
    step = scoring.step if scoring.scorer else None
    return scoring.seed, step, scoring.scorer or None, scoring.version, scoring.source or None


def _recipe(row: TrainingRow) -> str:
    """The network by its spec, as a command line names it, and what else is recorded of it beside that."""
    record = json.loads(row.recipe) | ({} if row.until_loss is None else {"until_loss": row.until_loss})
    network = record.get("network")
    if isinstance(network, dict):
        others = {f"network_{name}": value for name, value in network.items() if name != "spec"}
        record |= {"network": network.get("spec"), **others}
    return json.dumps(record)


def _records(prefix: str, records: dict[Any, str]) -> tuple[dict[str, type], dict[Any, tuple[Any, ...]]]:
    """JSON objects by id as columns and cells; a column of anything but numbers is one of texts."""
    read = {number: json.loads(text) for number, text in records.items()}
    names = list(dict.fromkeys(name for record in read.values() for name in record))
    types: dict[str, type] = {}
    for name in names:
        found = {type(record[name]) for record in read.values() if record.get(name) is not None}
        types[prefix + name] = int if found == {int} else float if found and found <= {int, float} else str
    cells = {
        number: tuple(_cell(record.get(name), types[prefix + name]) for name in names)
        for number, record in read.items()
    }
    return types, cells


def _cell(value: Any, kind: type) -> Any:
    return value if value is None or kind is str else kind(value)
