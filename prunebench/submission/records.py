"""Whether rows are what they are said to be: of a scorer's code, and of the records of a store."""

from collections import defaultdict
from collections.abc import Callable, Iterable

import numpy as np

from prunebench.benchmark.plan import DENSE
from prunebench.evaluation.metrics import Path
from prunebench.evaluation.summary import known
from prunebench.leaderboard.board import Board
from prunebench.plugin.isolation import source_of
from prunebench.results import Row
from prunebench.scoring.scorer import Scorer
from prunebench.store.checked_rows import CheckedRows
from prunebench.store.identity import recorded_id
from prunebench.store.records import STEPS, Key, read_values
from prunebench.store.store import Store
from prunebench.store.tables import ResultRow
from prunebench.store.validation import is_valid

_ROUNDING = 1e-9  # of a mean over draws

Means = dict[Path, float]  # of the draws
_Measured = list[tuple[ResultRow, int, Means]]  # each result with its seed


def training_of(board: Board, row: Row) -> str:
    """The id of the training that a row is of."""
    shape = board.task.record.get("shape")
    return recorded_id(board.task.fingerprint, shape, board.recipe, row.seeds)


def of_other_code(boards: Iterable[Board], load: Callable[[str], Scorer]) -> list[str]:
    """The scorers whose rows were made by other code than is here, with their parameters."""
    rows = [row for board in boards for row in board.rows]
    scorers = {spec: load(spec) for spec in dict.fromkeys(row.scorer for row in rows)}
    codes = {spec: (scorer.version, source_of(scorer)) for spec, scorer in scorers.items()}
    return list(dict.fromkeys(row.scorer for row in rows if codes[row.scorer] != (row.version, row.source)))


def unlike_records(board: Board, store: Store) -> list[str]:
    """The metrics of a board's rows that a store has no equal numbers of, by name."""
    found = []
    trainings = {row.key: training_of(board, row) for row in board.rows}
    for training in dict.fromkeys(trainings.values()):
        measured = _measured(store, training)
        for row in board.rows:
            if trainings[row.key] == training:
                scored = Key(row.at_step, row.scorer, row.version, row.source or "")
                there = _found(row, [*measured[DENSE], *measured[scored]])
                found += [
                    f"{' '.join(path)} of {row.scorer} at step {row.at_step} on {board.name}"
                    for path, summary in row.metrics.items()
                    if not _same(there.get(path, {}), row.seeds, summary.per_seed)
                ]
    return found


def _measured(store: Store, training: str) -> dict[Key, _Measured]:
    """All that was measured, by what scored."""
    measured = defaultdict[Key, _Measured](list)
    for scoring, whole, results in CheckedRows(store, training).scorings():
        for result, sound in results:
            if whole and sound and result.error is None and is_valid(result):
                means = {
                    tuple(name.split("/")): float(np.mean(np.array(values, dtype=float)))
                    for name, values in read_values(result.metrics).items()
                }
                measured[scoring.scored].append((result, scoring.seed, means))
    return measured


def _found(row: Row, measured: _Measured) -> dict[Path, dict[int, float]]:
    """By metric and seed what was measured as a row says: a store may have it with other settings too."""
    found = defaultdict[Path, dict[int, float]](dict)
    for result, seed, means in measured:
        if _is_as_said(row, result):
            for path, mean in means.items():
                found[path][seed] = mean
    return found


def _is_as_said(row: Row, result: ResultRow) -> bool:
    """Whether a result is of a row's evaluator and settings."""
    measure = result.measure
    settings = measure.protocol.partition("[")[2].rstrip("]").split(",")
    steps = known(row.finetune_steps)  # boards do not say it of what was carried over from an earlier run
    if measure.name == "finetune" and steps is not None and f"{STEPS}{steps}" not in settings:
        return False
    accuracy = bool(measure.keep) or measure.name == "dense"  # what running statistics make a difference to
    recalibrated = row.recalibrated is not False  # networks without any do not say it
    return result.evaluator == row.evaluator and (not accuracy or measure.recalibrated == recalibrated)


def _same(stored: dict[int, float], seeds: list[int], given: list[float | int | None]) -> bool:
    kept = np.array([stored.get(seed) for seed in seeds], dtype=float)  # None is nan
    return np.allclose(kept, np.array(given, dtype=float), rtol=0, atol=_ROUNDING, equal_nan=True)
