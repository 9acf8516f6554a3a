"""Whether rows are what they are said to be: of a scorer's code, and of the records of a store."""

from collections import defaultdict
from collections.abc import Callable, Iterable

import numpy as np

from prunebench.evaluation.metrics import Path
from prunebench.leaderboard.board import Board
from prunebench.plugin.isolation import source_of
from prunebench.results import Row
from prunebench.scoring.scorer import Scorer
from prunebench.store.checked_rows import CheckedRows
from prunebench.store.identity import id_of
from prunebench.store.records import read_values
from prunebench.store.store import Store
from prunebench.store.validation import is_valid

_ROUNDING = 1e-9  # of a mean over draws

Means = dict[Path, dict[int, float]]  # of the draws, by metric and seed


def training_of(board: Board, row: Row) -> str:
    """The id of the training that a row is of."""
    recipe = board.recipe
    together = {} if recipe.until_loss is None else {"seeds": sorted(row.seeds)}
    shape = None if recipe.network is None else board.task.record.get("shape")
    return id_of(board.task.fingerprint, recipe.record | together, shape)


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
        means = _means(store, training)
        for row in board.rows:
            if trainings[row.key] == training:
                known = means[0, "", "", ""] | means[row.at_step, row.scorer, row.version, row.source or ""]
                found += [
                    f"{' '.join(path)} of {row.scorer} at step {row.at_step} on {board.name}"
                    for path, summary in row.metrics.items()
                    if not _same(known.get(path, {}), row.seeds, summary.per_seed)
                ]
    return found


def _means(store: Store, training: str) -> dict[tuple[int, str, str, str], Means]:
    means: dict[tuple[int, str, str, str], Means] = defaultdict(lambda: defaultdict(dict))
    for scoring, whole, results in CheckedRows(store, training).scorings():
        for result, sound in results:
            if whole and sound and result.error is None and is_valid(result):
                of = means[scoring.step, scoring.scorer, scoring.version, scoring.source]
                for name, values in read_values(result.metrics).items():
                    of[tuple(name.split("/"))][scoring.seed] = float(np.mean(np.array(values, dtype=float)))
    return means


def _same(stored: dict[int, float], seeds: list[int], given: list[float | int | None]) -> bool:
    kept = np.array([stored.get(seed) for seed in seeds], dtype=float)  # None is nan
    return np.allclose(kept, np.array(given, dtype=float), rtol=0, atol=_ROUNDING, equal_nan=True)
