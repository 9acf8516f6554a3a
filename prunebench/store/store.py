"""The store: trained networks, their scores and everything measured with them, kept from run to run."""

import contextlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from prunebench.networks import Architecture
from prunebench.store.database import FILE, StoreError, closed_by_errors, connect, errors, transaction
from prunebench.store.file_watch import FileWatch
from prunebench.store.files import CLAIMS, folder_lock, writable_folder, write_atomically
from prunebench.store.identity import digest
from prunebench.store.network_files import Damaged, NetworkFiles, pack, unpack
from prunebench.store.records import FINAL, Environment, Key, LearningCurves, Scoring
from prunebench.store.tables import (
    FailureRow,
    NetworkRow,
    R,
    ResultRow,
    ScoringRow,
    TableRow,
    TrainingRow,
    delete,
    environment_number,
    equal,
    select,
    write,
    write_scoring,
)
from prunebench.tasks.task import Task
from prunebench.training.loop import History
from prunebench.training.recipe import Recipe
from prunebench.training.state import State


class Store:
    """A folder with one SQLite file and the networks' files; in memory where `folder` is None.

    Every method that writes is one transaction, so a process that dies leaves whole results or none. Several
    processes may use one store.
    """

    def __init__(self, folder: Path | None = None, *, read_only: bool = False) -> None:
        if folder is not None and not read_only:
            writable_folder("store", folder)
            ignore = folder / ".gitignore"
            if folder.name == ".prunebench" and not (folder / FILE).exists() and not ignore.exists():
                write_atomically(ignore, "*\n")  # it lies in somebody's project
        self.folder = folder
        self.path = None if folder is None else folder / FILE
        self.read_only = read_only
        self.files = NetworkFiles(folder)
        self.connection = connect(folder, read_only=read_only)
        with closed_by_errors(self.connection):
            self._watch = None if self.path is None or read_only else FileWatch(self.path, self.connection)

    @classmethod
    def to_read(cls, folder: Path) -> "Store":
        """A store that is only read; an empty one where there is none in `folder`."""
        return cls(folder, read_only=True) if (folder / FILE).is_file() else cls()

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    @classmethod
    def from_bytes(cls, content: tuple[bytes, dict[str, bytes]]) -> "Store":
        """A store in memory from `to_bytes`."""
        store = cls()
        with closed_by_errors(store.connection):
            store.connection.deserialize(content[0])
            store.connection.execute("PRAGMA foreign_keys = ON")
        store.files.memory = dict(content[1])
        return store

    def to_bytes(self) -> tuple[bytes, dict[str, bytes]]:
        """A store in memory as its database and its files by name."""
        return self.connection.serialize(), self.files.memory

    def close(self) -> None:
        """Let the file go. Raises `StoreError` where it was deleted meanwhile."""
        try:
            if self._watch is not None:
                self._watch.check()
        finally:
            self.connection.close()

    def rows(self, query: str, values: Sequence[Any] | Mapping[str, Any] = ()) -> list[tuple[Any, ...]]:
        """The rows that a query finds."""
        with errors(self.path):
            return self.connection.execute(query, values).fetchall()

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction. Raises `StoreError` where the database was deleted meanwhile."""
        if self._watch is not None:
            with errors(self.path):
                self._watch.check()
        with transaction(self.connection, self.path):
            yield self.connection

    @contextlib.contextmanager
    def claimed(self, training: str, *, wait: bool = True) -> Iterator[bool]:
        """Keep others from computing the same training; False where one does, unless told to wait."""
        if self.folder is None:
            yield True
            return
        folder = self.folder / CLAIMS / training
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"{folder}: {error.strerror}") from error
        with folder_lock(folder, wait=wait) as locked:
            yield locked

    def read(self, kind: type[R], condition: str = "", values: Sequence[Any] = ()) -> Iterator[tuple[R, str]]:
        """Rows of a table, each with its checksum, one by one: they may be larger than the memory."""
        with errors(self.path):
            for *columns, checksum in self.connection.execute(select(kind, condition), values):
                yield kind(*columns), checksum

    def find(self, kind: type[R], *names: Any) -> R | None:
        """The row that has these names, if there is one and it is whole."""
        rows = self.read(kind, equal(kind.unique or kind.key), names)
        return next((row for row, checksum in rows if checksum == row.digest()), None)

    # Trainings and networks

    def register(self, training: str, task: Task, recipe: Recipe) -> None:
        """Make a training known under its id, again where its row is damaged."""
        if self.find(TrainingRow, training) is None:
            until_loss = (record := recipe.record).pop("until_loss", None)  # it has a column of its own
            records = json.dumps(task_record(task, recipe)), json.dumps(record)
            with self.writing() as connection:
                write(connection, [TrainingRow(training, *records, until_loss)])

    def save_networks(
        self,
        training: str,
        seeds: Sequence[int],
        states: Mapping[int, State],
        environment: Environment,
        history: History | None = None,
        seconds: float = 0.0,
    ) -> None:
        """Keep the states of a batch of seeds by step; `history` goes with the one at `FINAL`."""
        rows = []
        for step, state in states.items():
            for position, seed in enumerate(seeds):
                content = pack(state, position, velocity=step != FINAL)
                row = NetworkRow(training, seed, step, digest(content), 0.0, None, len(content), 0)
                if step == FINAL and history is not None:
                    row.seconds = seconds / len(seeds)
                    row.curves = json.dumps(msgspec.structs.asdict(LearningCurves.of(history, position)))
                self.files.write(row.file, content)
                rows.append(row)
        with self.writing() as connection:
            made = environment_number(connection, environment)
            for row in rows:
                row.provenance = made
            write(connection, rows)

    def load_state(
        self, training: str, seed: int, step: int, architecture: Architecture | None = None
    ) -> State:
        """One network, as a batch of one; of the shallow network no `architecture` is needed.

        Raises `Damaged` where its file is not whole, and forgets it unless the store is only read.
        """
        key = training, seed, step
        for row, _ in list(self.read(NetworkRow, equal(NetworkRow.key), key)):
            try:
                return unpack(self.files.read(row), max(step, 0), architecture)
            except Damaged:
                if not self.read_only:
                    self._forget(NetworkRow, *key)
                raise
        place = "at the end" if step == FINAL else f"at step {step}"
        raise Damaged(f"seed {seed} of training {training} {place} is not in the store")

    def put_failure(self, training: str, error: str, attempts: int, environment: Environment) -> None:
        """Record why a training could not be done."""
        with self.writing() as connection:
            made = environment_number(connection, environment)
            write(connection, [FailureRow(training, error, attempts, made)])

    def forget_failure(self, training: str) -> None:
        """It worked after all."""
        if list(self.read(FailureRow, "training = ?", [training])):
            self._forget(FailureRow, training)

    def _forget(self, kind: type[TableRow], *key: Any) -> None:
        with self.writing() as connection:
            connection.execute(delete(kind), key)

    # Scores and results

    def put(self, training: str, evaluator: str, scorings: Iterable[Scoring]) -> None:
        """Add scorings with their results, or replace those of the same key.

        A scoring with neither scores nor an error only adds its results to what is there.
        """
        with self.writing() as connection:
            for scoring in scorings:
                made = environment_number(connection, scoring.environment)
                said = scoring.error, scoring.draws, scoring.extra_steps, scoring.seconds
                arrays = _blob(scoring.scores), _blob(scoring.signs)
                row = ScoringRow(training, scoring.seed, *scoring.key, *said, *arrays, made)
                row.sample_gradients = scoring.sample_gradients
                adds_only = scoring.scores is None and scoring.error is None
                number, seconds = write_scoring(connection, row, keep=adds_only), scoring.result_seconds
                results = [
                    ResultRow(
                        *measure,
                        evaluator,
                        json.dumps(scoring.results.get(measure, {}), allow_nan=False),
                        seconds,
                        number,
                        made,
                        scoring.errors.get(measure),
                    )
                    for measure in (*scoring.results, *scoring.errors)
                ]
                write(connection, results, *row.names)

    def scores(self, training: str, seed: int, key: Key) -> tuple[np.ndarray, np.ndarray | None] | None:
        """The kept scores and predicted signs, (draws, neurons) float32; None where there are none whole."""
        row = self.find(ScoringRow, training, seed, *key)
        if row is None or row.scores is None:
            return None
        return _array(row.scores, row.draws), None if row.signs is None else _array(row.signs, row.draws)


def task_record(task: Task, recipe: Recipe) -> dict[str, Any]:
    """What results say about their task; what shape a sample has where the recipe's network asks for it."""
    own = {
        "name": task.name,
        "samples": task.samples,
        "inputs": task.inputs,
        "tests": len(task.x_test),
        "fingerprint": task.fingerprint,
    }
    record = own | dict(task.source) | own
    if task.outputs != 2:
        record["outputs"] = task.outputs
    return record if recipe.network is None else record | {"shape": list(task.shape)}


def _array(blob: bytes, draws: int) -> np.ndarray:
    return np.frombuffer(blob, np.float32).reshape(draws, -1).copy()


def _blob(array: np.ndarray | None) -> bytes | None:
    return None if array is None else np.ascontiguousarray(array, np.float32).tobytes()
