"""Damage in a store: found row by row and file by file, named, and forgotten, which computes it again."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from prunebench.store.checksums import result_digest, row_digest, scoring_digest
from prunebench.store.database import damaged
from prunebench.store.environments import Environments
from prunebench.store.networks import Damaged, file_name
from prunebench.store.records import Key, Measure
from prunebench.store.store import Store

# What names a row in each table; a row that others refer to comes after them.
TABLES = {
    "results": ("scoring", "protocol", "keep", "evaluator"),
    "scorings": ("id",),
    "networks": ("training", "seed", "step"),
    "failures": ("training",),
    "trainings": ("id",),
    "provenance": ("id",),
}
_REFERRED = {
    "trainings": ("training", ("networks", "scorings", "failures")),
    "provenance": ("provenance", ("networks", "scorings", "results", "failures")),
}


@dataclass(frozen=True)
class Damage:
    """A row that is not what was written, or whose file is not.

    Attributes:
        name: what a person calls it; damage may have left anything in it.
        table, key: where it is; no table for the database itself.
    """

    name: str
    table: str
    key: tuple[Any, ...]

    @property
    def what(self) -> str:
        """Its name, in characters that can be shown."""
        return "".join(c if c.isprintable() else "?" for c in self.name)[:400]


def find_damage(store: Store, training: str | None = None, *, files: bool = False) -> Iterator[Damage]:
    """All that is damaged of one training, or of the whole store; with `files`, the networks are read too.

    A row whose record of how it was made is damaged is damaged with it.
    """
    made = Environments(store.rows)
    if training is None:
        yield from _structure(store)
        yield from _records(store, made)
    yield from _networks(store, training, made, files)
    yield from _scorings(store, training, made)


def forget_damage(store: Store, training: str) -> list[str]:
    """Forget what is damaged of a training, and say what that is: it is missing now, and computed again."""
    found = list(find_damage(store, training))
    if found:
        forget(store, found)
    return [damage.what for damage in found]


def check_structure(store: Store) -> None:
    """Raises `StoreError` where the database itself is damaged, and not only rows in it."""
    for damage in _structure(store):
        raise damaged(store.path, damage.what)


def forget(store: Store, found: list[Damage]) -> int:
    """Delete these rows, and build indices again where they are damaged; returns how many rows are gone.

    A training or a record of how things were made stays as long as whole rows refer to it: running the task
    again writes the first anew.
    """
    count = 0
    with store.writing() as connection:
        if any(not damage.table for damage in found):
            connection.execute("REINDEX")
        for table, names in TABLES.items():
            where = " AND ".join(f"{name} = ?" for name in names)
            column, others = _REFERRED.get(table, ("", ()))
            for other in others:
                where += f" AND NOT EXISTS (SELECT 1 FROM {other} o WHERE o.{column} = {table}.id)"
            for damage in found:
                if damage.table == table:
                    count += connection.execute(f"DELETE FROM {table} WHERE {where}", damage.key).rowcount
    return count


def _structure(store: Store) -> Iterator[Damage]:
    for (line,) in store.rows("PRAGMA integrity_check(10)"):
        if line != "ok":
            yield Damage(f"database: {' '.join(str(line).split())}", "", ())
    for table, rows, parent in store.rows(
        "SELECT [table], count(*), parent FROM pragma_foreign_key_check GROUP BY [table], parent"
    ):
        yield Damage(f"{table}: {rows:,} rows refer to rows of {parent} that are gone", "", ())


def _records(store: Store, made: Environments) -> Iterator[Damage]:
    for (number,) in store.rows("SELECT id FROM provenance"):
        if made[number] is None:
            yield Damage(f"record {number} of how results were made", "provenance", (number,))
    for *values, checksum in store.rows("SELECT id, task, recipe, until_loss, checksum FROM trainings"):
        if checksum != row_digest(*values):
            yield Damage(f"training {values[0]}: its task and recipe", "trainings", (values[0],))
    for *values, number, checksum in store.rows(
        "SELECT training, error, attempts, provenance, checksum FROM failures"
    ):
        if checksum != row_digest(*values) or made[number] is None:
            yield Damage(f"training {values[0]}: why it failed", "failures", (values[0],))


def _networks(store: Store, training: str | None, made: Environments, files: bool) -> Iterator[Damage]:
    query = "SELECT training, seed, step, sha256, seconds, curves, bytes, provenance, checksum FROM networks"
    for *values, size, number, checksum in store.rows(*_of(query, training)):
        name, seed, step, sha256 = values[:4]
        what = f"training {name}, seed {seed}, {'the end' if step == -1 else f'step {step}'}"
        if checksum != row_digest(*values) or made[number] is None:
            yield Damage(f"{what}: the row of the network", "networks", (name, seed, step))
        elif files:
            try:
                store.files.read(file_name(name, seed, step, sha256), sha256, size)
            except Damaged as damage:
                yield Damage(str(damage), "networks", (name, seed, step))


def _scorings(store: Store, training: str | None, made: Environments) -> Iterator[Damage]:
    query = (
        "SELECT id, training, seed, step, scorer, version, source, error, draws, extra_steps, seconds, "
        "scores, signs, provenance, checksum FROM scorings"
    )
    whole: dict[int, tuple[str, int, Key]] = {}
    with store.reading(*_of(query, training)) as rows:
        for number, name, seed, *rest, record, checksum in rows:
            key = Key(*rest[:4])
            if checksum == scoring_digest(name, seed, key, *rest[4:]) and made[record] is not None:
                whole[number] = name, seed, key
            else:
                yield Damage(_name("scores", name, seed, key), "scorings", (number,))
    query = "SELECT scoring, protocol, keep, evaluator, metrics, r.provenance, r.checksum FROM results r"
    if training is not None:
        query += " JOIN scorings s ON s.id = scoring"
    with store.reading(*_of(query, training)) as rows:
        for number, protocol, keep, evaluator, metrics, record, checksum in rows:
            if number not in whole:
                continue  # named with its scores, and goes with them
            name, seed, key = whole[number]
            measure = Measure(protocol, keep)
            whole_row = checksum == result_digest(name, seed, key, measure, evaluator, metrics)
            if not whole_row or made[record] is None:
                what = _name(f"{protocol} {keep}".strip(), name, seed, key)
                yield Damage(what, "results", (number, protocol, keep, evaluator))


def _of(query: str, training: str | None) -> tuple[str, tuple[str, ...]]:
    return (query, ()) if training is None else (f"{query} WHERE training = ?", (training,))


def _name(what: str, training: str, seed: int, key: Key) -> str:
    of = f"{key.scorer} at step {key.step}" if key.scorer else "the networks"
    return f"training {training}, seed {seed}: {what} of {of}"
