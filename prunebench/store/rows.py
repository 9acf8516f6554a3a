"""Rows of trainings and scorings, as they are written."""

import sqlite3
from collections.abc import Sequence
from typing import Any

import numpy as np

from prunebench.store.checksums import scoring_digest
from prunebench.store.records import Scoring


def put_training(connection: sqlite3.Connection, values: Sequence[Any], checksum: str) -> None:
    """A training's row, in place of a damaged one of that id."""
    connection.execute(
        "INSERT INTO trainings VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET task = excluded.task, "
        "recipe = excluded.recipe, until_loss = excluded.until_loss, checksum = excluded.checksum",
        (*values, checksum),
    )


def put_scoring(connection: sqlite3.Connection, training: str, scoring: Scoring, made: int) -> int:
    """A scoring's row, or the one that is there where the scoring only adds results; returns its number."""
    scores, signs = (
        None if array is None else np.ascontiguousarray(array, np.float32).tobytes()
        for array in (scoring.scores, scoring.signs)
    )
    key, rest = scoring.key, (scoring.error, scoring.draws, scoring.extra_steps, scoring.seconds)
    checksum = scoring_digest(training, scoring.seed, key, *rest, scores, signs)
    adds_only = scores is None and scoring.error is None
    action = (
        "NOTHING"
        if adds_only
        else (
            "UPDATE SET error = excluded.error, draws = excluded.draws, scores = excluded.scores, "
            "signs = excluded.signs, extra_steps = excluded.extra_steps, seconds = excluded.seconds, "
            "provenance = excluded.provenance, checksum = excluded.checksum"
        )
    )
    connection.execute(
        "INSERT INTO scorings (training, seed, step, scorer, version, source, error, draws, extra_steps, "
        "seconds, checksum, scores, signs, provenance) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
        f"ON CONFLICT (training, step, scorer, version, source, seed) DO {action}",
        (training, scoring.seed, *key, *rest, checksum, scores, signs, made),
    )
    query = (
        "SELECT id FROM scorings WHERE training = ? AND step = ? AND scorer = ? AND version = ? "
        "AND source = ? AND seed = ?"
    )
    return int(connection.execute(query, [training, *key, scoring.seed]).fetchone()[0])
