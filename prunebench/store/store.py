"""The store: trained networks, their scores and everything measured with them, kept from run to run."""

import contextlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from prunebench.store.checksums import result_digest, row_digest, scoring_digest
from prunebench.store.database import FILE, StoreError, connect, errors, transaction
from prunebench.store.environments import Environments, environment_id
from prunebench.store.files import CLAIMS, folder_lock, writable_folder
from prunebench.store.identity import digest
from prunebench.store.networks import Damaged, NetworkFiles, file_name, pack, unpack
from prunebench.store.presence import Presence
from prunebench.store.records import (
    FINAL,
    Environment,
    Key,
    Measure,
    Scoring,
    Trained,
    curves_of,
)
from prunebench.store.rows import put_scoring, put_training
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
            writable_folder("--store", folder)
        self.folder = folder
        self.path = None if folder is None else folder / FILE
        self.read_only = read_only
        self.files = NetworkFiles(folder)
        self.connection = connect(folder, read_only=read_only)
        self._presence: Presence | None = None
        if self.path is not None and not read_only:
            self._presence = Presence(self.path, self.connection)

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
            if self._presence is not None:
                self._presence.check()
        finally:
            self.connection.close()

    def rows(self, query: str, values: Sequence[Any] | Mapping[str, Any] = ()) -> list[tuple[Any, ...]]:
        """The rows that a query finds."""
        with errors(self.path):
            return self.connection.execute(query, values).fetchall()

    @contextlib.contextmanager
    def reading(self, query: str, values: Sequence[Any] = ()) -> Iterator[Iterator[tuple[Any, ...]]]:
        """The rows that a query finds, one after the other: they may be larger than the memory."""
        with errors(self.path):
            yield iter(self.connection.execute(query, values))

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction. Raises `StoreError` where the database was deleted meanwhile."""
        if self._presence is not None:
            with errors(self.path):
                self._presence.check()
        with transaction(self.connection, self.path):
            yield self.connection

    @contextlib.contextmanager
    def claimed(self, training: str, *, wait: bool = True) -> Iterator[bool]:
        """Keep other processes from computing the same cell; False where one does, unless told to wait."""
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

    # Trainings and networks

    def register(self, training: str, task: Task, recipe: Recipe) -> None:
        """Make a training known under its id, again where its row is damaged."""
        if self.knows(training):
            return
        until_loss = (record := recipe.record).pop("until_loss", None)  # it has a column of its own
        values = [training, json.dumps(task_record(task)), json.dumps(record), until_loss]
        with self.writing() as connection:
            put_training(connection, values, row_digest(*values))

    def knows(self, training: str) -> bool:
        """Whether a training is known, and its row whole."""
        query = "SELECT id, task, recipe, until_loss, checksum FROM trainings WHERE id = ?"
        return any(checksum == row_digest(*row) for *row, checksum in self.rows(query, [training]))

    def kept_steps(self, training: str) -> dict[int, set[int]]:
        """The steps at which each seed's network is kept; `FINAL` for the end."""
        steps: dict[int, set[int]] = {}
        for seed, step in self.rows("SELECT seed, step FROM networks WHERE training = ?", [training]):
            steps.setdefault(seed, set()).add(step)
        return steps

    def trained(self, training: str) -> dict[int, Trained]:
        """How the training of each seed went that was finished."""
        query = (
            "SELECT seed, sha256, seconds, curves, provenance, checksum FROM networks "
            "WHERE training = ? AND step = ?"
        )
        found, environments = {}, Environments(self.rows)
        for seed, sha256, seconds, curves, number, checksum in self.rows(query, [training, FINAL]):
            made = environments[number]
            if made is not None and checksum == row_digest(training, seed, FINAL, sha256, seconds, curves):
                lines = {name: tuple(values) for name, values in json.loads(curves).items()}
                found[seed] = Trained(seed, seconds=seconds, environment=made, **lines)
        return found

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
                sha256 = digest(content)
                self.files.write(file_name(training, seed, step, sha256), content)
                curves = json.dumps(curves_of(history, position)) if step == FINAL and history else None
                share = seconds / len(seeds) if step == FINAL else 0.0
                checksum = row_digest(training, seed, step, sha256, share, curves)
                rows.append((training, seed, step, sha256, len(content), share, curves, checksum))
        with self.writing() as connection:
            made = environment_id(connection, environment)
            connection.executemany(
                "INSERT OR REPLACE INTO networks "
                "(training, seed, step, sha256, bytes, seconds, curves, checksum, provenance) "
                f"VALUES (?, ?, ?, ?, ?, ?, ?, ?, {made})",
                rows,
            )

    def load_state(self, training: str, seed: int, step: int) -> State:
        """One network, as a batch of one.

        Raises `Damaged` where its file is not whole, and forgets it unless the store is only read.
        """
        query = "SELECT sha256, bytes FROM networks WHERE training = ? AND seed = ? AND step = ?"
        found = self.rows(query, [training, seed, step])
        if not found:
            raise Damaged(f"training {training}, seed {seed}, step {step}: no longer in the store")
        ((sha256, size),) = found
        name = file_name(training, seed, step, sha256)
        try:
            return unpack(self.files.read(name, sha256, size), max(step, 0))
        except Damaged:
            if self.read_only:
                raise
            with self.writing() as connection:
                connection.execute(
                    "DELETE FROM networks WHERE training = ? AND seed = ? AND step = ?",
                    [training, seed, step],
                )
            raise

    def put_failure(self, training: str, error: str, attempts: int, environment: Environment) -> None:
        """Record why a training could not be done."""
        with self.writing() as connection:
            made = environment_id(connection, environment)
            connection.execute(
                "INSERT OR REPLACE INTO failures VALUES (?, ?, ?, ?, ?)",
                [training, error, attempts, made, row_digest(training, error, attempts)],
            )

    def forget_failure(self, training: str) -> None:
        """It worked after all."""
        if self.rows("SELECT 1 FROM failures WHERE training = ?", [training]):
            with self.writing() as connection:
                connection.execute("DELETE FROM failures WHERE training = ?", [training])

    def failure(self, training: str) -> str | None:
        """Why a training could not be done, if it could not."""
        query = "SELECT error, attempts, checksum FROM failures WHERE training = ?"
        for error, attempts, checksum in self.rows(query, [training]):
            if checksum == row_digest(training, error, attempts):
                return str(error)
        return None

    # Scores and results

    def put(self, training: str, evaluator: str, scorings: Iterable[Scoring]) -> None:
        """Add scorings with their results, or replace those of the same key.

        A scoring with neither scores nor an error only adds its results to what is there.
        """
        with self.writing() as connection:
            for scoring in scorings:
                made = environment_id(connection, scoring.environment)
                number = put_scoring(connection, training, scoring, made)
                for measure, values in scoring.results.items():
                    metrics = json.dumps(values, allow_nan=False)
                    checksum = result_digest(training, scoring.seed, scoring.key, measure, evaluator, metrics)
                    connection.execute(
                        "INSERT OR REPLACE INTO results VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                        (number, *measure, evaluator, metrics, scoring.result_seconds, made, checksum),
                    )

    def scorings(self, training: str, evaluator: str) -> dict[tuple[Key, int], Scoring]:
        """Every scoring of a training by key and seed, with this evaluator's results but without the scores.

        What fails its checksum, or whose environment does, is left out, as if it had never been computed.
        """
        query = (
            "SELECT id, seed, step, scorer, version, source, error, draws, extra_steps, seconds, "
            "scores, signs, provenance, checksum FROM scorings WHERE training = ?"
        )
        found: dict[int, Scoring] = {}
        environments = Environments(self.rows)
        with self.reading(query, [training]) as rows:
            for number, seed, *names, error, draws, extra, seconds, scores, signs, record, checksum in rows:
                key, made = Key(*names), environments[record]
                whole = scoring_digest(training, seed, key, error, draws, extra, seconds, scores, signs)
                if made is not None and checksum == whole:
                    found[number] = Scoring(seed, key, error, draws, extra, seconds, made)
        query = (
            "SELECT scoring, protocol, keep, metrics, r.provenance, r.checksum FROM results r "
            "JOIN scorings s ON s.id = scoring WHERE training = ? AND evaluator = ? AND error IS NULL"
        )
        for number, protocol, keep, metrics, record, checksum in self.rows(query, [training, evaluator]):
            if (scoring := found.get(number)) is None or environments[record] is None:
                continue
            measure = Measure(protocol, keep)
            if checksum == result_digest(training, scoring.seed, scoring.key, measure, evaluator, metrics):
                scoring.results[measure] = json.loads(metrics)
        return {(scoring.key, scoring.seed): scoring for scoring in found.values()}

    def scores(self, training: str, seed: int, key: Key) -> tuple[np.ndarray, np.ndarray | None] | None:
        """The kept scores and predicted signs, (draws, neurons) float32; None where there are none whole."""
        query = (
            "SELECT error, draws, extra_steps, seconds, scores, signs, checksum FROM scorings "
            "WHERE training = ? AND step = ? AND scorer = ? AND version = ? AND source = ? AND seed = ?"
        )
        for *values, checksum in self.rows(query, [training, *key, seed]):
            _, draws, _, _, scores, signs = values
            if scores is not None and checksum == scoring_digest(training, seed, key, *values):
                return _array(scores, draws), None if signs is None else _array(signs, draws)
        return None


def task_record(task: Task) -> dict[str, Any]:
    """What results say about their task."""
    return {
        "name": task.name,
        "samples": task.samples,
        "inputs": task.inputs,
        "tests": len(task.x_test),
        "fingerprint": task.fingerprint,
        **task.source,
    }


def _array(blob: bytes, draws: int) -> np.ndarray:
    return np.frombuffer(blob, np.float32).reshape(draws, -1).copy()
