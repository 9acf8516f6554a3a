"""Every result as one long table: a row for each number, with all that is known of it.

Rows: one for each training, seed, step, scorer, protocol, share of kept neurons, metric and draw. A failure
is a row with its error and no value. The trained networks' own measures have neither scorer nor step.
"""

import json
from collections.abc import Iterator
from typing import Any

from prunebench.store.database import errors
from prunebench.store.records import Key, Measure, read_values
from prunebench.store.store import Store, result_digest, row_digest

Cell = str | int | float | None
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
    "keep": float,
    "metric": str,
    "draw": int,
    "value": float,
    "evaluator": str,
    "extra_gradient_steps": int,
    "scoring_seconds": float,
}
_SCORED = """
    SELECT s.training, s.seed, s.step, s.scorer, s.version, s.source, s.error, s.draws, s.extra_steps,
        s.seconds, s.checksum, r.protocol, r.keep, r.evaluator, r.metrics, r.checksum,
        coalesce(r.provenance, s.provenance)
    FROM scorings s LEFT JOIN results r ON r.scoring = s.id AND s.error IS NULL
    ORDER BY s.training, s.step, s.scorer, s.version, s.source, s.seed, r.protocol, r.keep, r.evaluator
"""


class ResultTable:
    """The rows of a store, read as they are asked for.

    Attributes:
        columns: names and types. `task_`, `recipe_` and `made_` stand before what records hold.
        damaged: rows of the store that were left out because they fail their checksum, known after reading.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.damaged = 0
        trainings = store.rows("SELECT id, task, recipe, until_loss FROM trainings")
        made = store.rows("SELECT id, record FROM provenance")
        task = _records("task_", {name: text for name, text, _, _ in trainings})
        recipe = _records(
            "recipe_",
            {
                name: json.dumps(json.loads(text) | ({} if until is None else {"until_loss": until}))
                for name, _, text, until in trainings
            },
        )
        environment = _records("made_", dict(made))
        self.columns = {"training": str, **task[0], **recipe[0], **_RESULT, **environment[0]}
        self._training = {name: (name, *task[1][name], *recipe[1][name]) for name, *_ in trainings}
        self._made = environment[1]

    def __iter__(self) -> Iterator[tuple[Cell, ...]]:
        self.damaged = 0
        with errors(self.store.path):
            for training, error, made in self.store.connection.execute(
                "SELECT training, error, provenance FROM failures ORDER BY training"
            ):
                cells = _cells(status="failed", error=error)
                yield self._training[training] + cells + self._made[made]
            for training, *scored, made in self.store.connection.execute(_SCORED):
                yield from (
                    self._training[training] + cells + self._made[made]
                    for cells in self._scored(training, scored)
                )

    def _scored(self, training: str, row: list[Any]) -> Iterator[tuple[Cell, ...]]:
        seed, *names, error, draws, extra, seconds, checksum = row[:10]
        protocol, keep, evaluator, metrics, result_checksum = row[10:]
        key = Key(*names)
        if checksum[:16] != row_digest(training, seed, *key, error, draws, extra, seconds):
            self.damaged += 1
            return
        # What no scorer scored was not scored at a step either.
        scored = (seed, key.step if key.scorer else None, key.scorer or None, key.version, key.source or None)
        if error is not None:
            yield (*scored, "failed", error, None, None, None, None, None, None, extra, seconds)
        if protocol is None:
            return
        measure = Measure(protocol, keep)
        if result_checksum != result_digest(training, seed, key, measure, evaluator, metrics):
            self.damaged += 1
            return
        suffix, share = "/".join(("", protocol, keep)), float(keep) if keep else None
        for path, values in read_values(metrics).items():
            metric = path.removesuffix(suffix) if keep else path
            for draw, value in enumerate(values):
                yield (*scored, "ok", None, protocol, share, metric, draw, value, evaluator, extra, seconds)


def _cells(**known: Cell) -> tuple[Cell, ...]:
    return tuple(known.get(name) for name in _RESULT)


def _records(prefix: str, records: dict[Any, str]) -> tuple[dict[str, type], dict[Any, tuple[Cell, ...]]]:
    """JSON objects by id as columns and cells; what is no text or number is written as JSON."""
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


def _cell(value: Any, kind: type) -> Cell:
    if value is None:
        return None
    if kind is str:
        return value if isinstance(value, str) else json.dumps(value)
    return kind(value)
