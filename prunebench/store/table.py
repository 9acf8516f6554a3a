"""Every result as one long table: a row for each number, with all that is known of it.

Rows: one for each training, seed, step, scorer, protocol, share of kept neurons, metric and draw. A failure
is a row with its error and no value. The trained networks' own measures have neither scorer nor step.
"""

import json
from collections.abc import Iterator
from typing import Any

from prunebench.store.checksums import result_digest, row_digest, scoring_digest
from prunebench.store.database import errors
from prunebench.store.records import Key, Measure, read_values
from prunebench.store.store import Store

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
    SELECT s.id, s.training, s.seed, s.step, s.scorer, s.version, s.source, s.error, s.draws, s.extra_steps,
        s.seconds, s.scores, s.signs, s.provenance, s.checksum,
        r.protocol, r.keep, r.evaluator, r.metrics, r.provenance, r.checksum
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
        query = "SELECT id, task, recipe, until_loss, checksum FROM trainings"
        trainings = [row for *row, checksum in store.rows(query) if checksum == row_digest(*row)]
        query = "SELECT id, record, checksum FROM provenance"
        made = {
            number: record for number, record, checksum in store.rows(query) if checksum == row_digest(record)
        }
        task = _records("task_", {name: text for name, text, _, _ in trainings})
        recipe = _records(
            "recipe_",
            {
                name: json.dumps(json.loads(text) | ({} if until is None else {"until_loss": until}))
                for name, _, text, until in trainings
            },
        )
        environment = _records("made_", made)
        self.columns = {"training": str, **task[0], **recipe[0], **_RESULT, **environment[0]}
        self._training = {name: (name, *task[1][name], *recipe[1][name]) for name, *_ in trainings}
        self._made = environment[1]

    def __iter__(self) -> Iterator[tuple[Cell, ...]]:
        self.damaged = 0
        with errors(self.store.path):
            for training, error, attempts, made, checksum in self.store.connection.execute(
                "SELECT training, error, attempts, provenance, checksum FROM failures ORDER BY training"
            ):
                if checksum == row_digest(training, error, attempts) and self._knows(training, made):
                    cells = _cells(status="failed", error=error)
                    yield self._training[training] + cells + self._made[made]
                else:
                    self.damaged += 1
            last, whole = None, False
            for number, training, seed, *values in self.store.connection.execute(_SCORED):
                key, scoring, (made, checksum), result = (
                    Key(*values[:4]),
                    values[4:10],
                    values[10:12],
                    values[12:],
                )
                if number != last:  # the arrays are the same for all of its results
                    last, whole = number, checksum == scoring_digest(training, seed, key, *scoring)
                made = made if result[4] is None else result[4]
                if whole and self._knows(training, made) and _is_whole(training, seed, key, result):
                    yield from (
                        self._training[training] + cells + self._made[made]
                        for cells in _scored(seed, key, scoring, result)
                    )
                else:
                    self.damaged += 1

    def _knows(self, training: str, made: int) -> bool:
        return training in self._training and made in self._made


def _is_whole(training: str, seed: int, key: Key, result: list[Any]) -> bool:
    protocol, keep, evaluator, metrics, _, checksum = result
    return protocol is None or checksum == result_digest(
        training, seed, key, Measure(protocol, keep), evaluator, metrics
    )


def _scored(seed: int, key: Key, scoring: list[Any], result: list[Any]) -> Iterator[tuple[Cell, ...]]:
    """The cells between what describes the training and the making."""
    (error, _, extra, seconds, *_), (protocol, keep, evaluator, metrics, *_) = scoring, result
    # What no scorer scored was not scored at a step either.
    scored = (seed, key.step if key.scorer else None, key.scorer or None, key.version, key.source or None)
    if error is not None:
        yield (*scored, "failed", error, None, None, None, None, None, None, extra, seconds)
    if protocol is None:
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
