"""Records of one store taken into another."""

import json
from dataclasses import dataclass, field
from typing import Any

from prunebench.store.checksums import result_digest, row_digest, scoring_digest
from prunebench.store.damage import forget_damage
from prunebench.store.environments import environment_id
from prunebench.store.foreign import is_network, is_result, is_scoring, is_training
from prunebench.store.networks import Damaged, file_name
from prunebench.store.records import Key, Measure
from prunebench.store.rows import put_training
from prunebench.store.store import Store

_NAMES = "seed, step, scorer, version, source"
_SCORING = f"{_NAMES}, error, draws, extra_steps, seconds, scores, signs"


@dataclass
class Merged:
    """What came of it.

    Attributes:
        networks, results: taken over.
        present: results that were there already, with equal numbers.
        differing: results that were there with other numbers, by name; the ones that were there stay.
        damaged: what was left out because it is not what was written, by name.
        forgotten: what was here and damaged, by name; what the other store has takes its place.
    """

    networks: int = 0
    results: int = 0
    present: int = 0
    differing: list[str] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)
    forgotten: list[str] = field(default_factory=list)


def merge(into: Store, other: Store, *, training: str | None = None, replace: bool = False) -> Merged:
    """Take over what `into` lacks of `other`, one training at a time, each in one transaction.

    Only `training`, if it is named. With `replace`, the other store wins over records that are there; else an
    error there gives way to scores, and nothing else does. Every row and file is checked against its hash.
    """
    merged = Merged()
    wanted = ("WHERE id = ?", [training]) if training is not None else ("", [])
    query = f"SELECT id, task, recipe, until_loss, checksum FROM trainings {wanted[0]}"
    for *row, checksum in other.rows(query, wanted[1]):
        if not is_training(*row) or checksum != row_digest(*row):
            merged.damaged.append(f"training {row[0]!r}")
            continue
        merged.forgotten += forget_damage(into, row[0])
        networks = _networks(into, other, row[0], merged, replace)
        with into.writing() as connection:
            if not into.knows(row[0]):
                put_training(connection, row, checksum)
            for values, record in networks:
                made = environment_id(connection, json.loads(record))
                connection.execute(
                    "INSERT OR REPLACE INTO networks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (*values[:-1], made, values[-1]),
                )
            _merge_scorings(into, other, row[0], json.loads(row[2])["width"], merged, replace)
    return merged


def _networks(
    into: Store, other: Store, training: str, merged: Merged, replace: bool
) -> list[tuple[tuple[Any, ...], str]]:
    """Rows to take over, with their files copied: a file without a row does no harm."""
    query = (
        "SELECT seed, step, sha256, bytes, seconds, curves, record, p.checksum, n.checksum FROM networks n "
        "LEFT JOIN provenance p ON p.id = provenance WHERE training = ?"
    )
    kept, taken = into.kept_steps(training), []
    for seed, step, sha256, size, seconds, curves, *made, checksum in other.rows(query, [training]):
        if not replace and step in kept.get(seed, ()):
            continue
        try:
            known = is_network(seed, step, sha256, size, seconds, curves, made[0]) and _whole(*made)
            if not known or checksum != row_digest(training, seed, step, sha256, seconds, curves):
                raise Damaged(f"training {training}, seed {seed!r}, step {step!r}")
            name = file_name(training, seed, step, sha256)
            into.files.write(name, other.files.read(name, sha256, size))
        except Damaged as damage:
            merged.damaged.append(str(damage))
            continue
        taken.append(((training, seed, step, sha256, size, seconds, curves, checksum), made[0]))
        merged.networks += 1
    return taken


def _merge_scorings(
    into: Store, other: Store, training: str, width: int, merged: Merged, replace: bool
) -> None:
    connection = into.connection
    query = (
        f"SELECT s.id, {_SCORING}, s.checksum, record, p.checksum FROM scorings s "
        "LEFT JOIN provenance p ON p.id = s.provenance WHERE training = ?"
    )
    there = {
        tuple(names): (number, error)
        for number, *names, error in into.rows(
            f"SELECT id, {_NAMES}, error FROM scorings WHERE training = ?", [training]
        )
    }
    numbers: dict[int, tuple[int, int, Key]] = {}
    for number, seed, *values, record, sealed in other.rows(query, [training]):
        key, (error, draws, extra, seconds, scores, signs, checksum) = Key(*values[:4]), values[4:]
        name = f"{key.scorer} at step {key.step}, seed {seed}, of training {training}"
        known = is_scoring((seed, *key), error, draws, (extra, seconds), (scores, signs), width, record)
        whole = scoring_digest(training, seed, key, error, draws, extra, seconds, scores, signs)
        if not known or checksum != whole or not _whole(record, sealed):
            merged.damaged.append(name)
            continue
        mine, my_error = there.get((seed, *key), (None, None))
        if mine is None or replace or (my_error is not None and error is None):
            made = environment_id(connection, json.loads(record))
            columns = (training, seed, *values, made)
            mine = connection.execute(
                f"INSERT INTO scorings (id, training, {_SCORING}, checksum, provenance) "
                f"VALUES (?, {', '.join('?' * len(columns))}) ON CONFLICT (id) DO UPDATE SET "
                "error = excluded.error, draws = excluded.draws, extra_steps = excluded.extra_steps, "
                "seconds = excluded.seconds, scores = excluded.scores, signs = excluded.signs, "
                "checksum = excluded.checksum, provenance = excluded.provenance RETURNING id",
                (mine, *columns),
            ).fetchone()[0]
        numbers[number] = mine, seed, key
    _merge_results(into, other, training, numbers, merged, replace)


def _merge_results(
    into: Store,
    other: Store,
    training: str,
    numbers: dict[int, tuple[int, int, Key]],
    merged: Merged,
    replace: bool,
) -> None:
    query = (
        "SELECT scoring, protocol, keep, evaluator, metrics, r.seconds, r.checksum, record, p.checksum "
        "FROM results r JOIN scorings s ON s.id = scoring "
        "LEFT JOIN provenance p ON p.id = r.provenance WHERE training = ?"
    )
    there = {
        tuple(names): metrics
        for *names, metrics in into.rows(
            "SELECT scoring, protocol, keep, evaluator, metrics FROM results "
            "JOIN scorings ON id = scoring WHERE training = ?",
            [training],
        )
    }
    for number, protocol, keep, evaluator, metrics, seconds, checksum, *made in other.rows(query, [training]):
        if number not in numbers:
            continue
        mine, seed, key = numbers[number]
        measure = Measure(protocol, keep)
        what = f"{protocol} {keep}".strip()
        name = f"{what} of {key.scorer} at step {key.step}, seed {seed}, of training {training}"
        known = is_result(measure, evaluator, metrics, seconds, made[0]) and _whole(*made)
        if not known or checksum != result_digest(training, seed, key, measure, evaluator, metrics):
            merged.damaged.append(name)
            continue
        old = there.get((mine, protocol, keep, evaluator))
        if old is not None and not replace:
            if old == metrics:
                merged.present += 1
            else:
                merged.differing.append(name)
            continue
        record = environment_id(into.connection, json.loads(made[0]))
        into.connection.execute(
            "INSERT OR REPLACE INTO results VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (mine, protocol, keep, evaluator, metrics, seconds, record, checksum),
        )
        merged.results += 1


def _whole(record: str, checksum: str) -> bool:
    return checksum == row_digest(record)
