"""The tables' columns, from which all that reads, writes, copies and checks rows derives.

A row's checksum covers its first columns, in their order, and what a column of a later schema holds, if it
holds anything. It has no key: whoever writes to the database can compute it too, so it finds accidents, not
forgers.
"""

import hashlib
import json
import sqlite3
from collections.abc import Sequence
from functools import cache
from typing import Annotated, Any, ClassVar, TypeVar

import msgspec
from msgspec import Meta

from prunebench.evaluation.summary import Amount
from prunebench.store.database import row_digest
from prunebench.store.records import Count, Environment, Key, Measure, Trained
from prunebench.tasks.spec import Seed

Hex = Annotated[str, Meta(pattern=r"\A[0-9a-f]*\Z")]
TrainingId = Annotated[Hex, Meta(min_length=32, max_length=32)]
R = TypeVar("R", bound="TableRow")


class TableRow(msgspec.Struct, array_like=True):
    """A row. What the database gives back may be of any type: `msgspec.convert` would check it.

    Attributes:
        table: where it stands.
        key: the columns that name it there.
        unique: the columns by which a new row replaces another, where these are not the key.
        covered: how many of its columns the checksum covers.
        later: columns that came later, which rows of before have without a value.
    """

    table: ClassVar[str]
    key: ClassVar[tuple[str, ...]]
    unique: ClassVar[tuple[str, ...]] = ()
    covered: ClassVar[int]
    later: ClassVar[tuple[str, ...]] = ()

    @property
    def values(self) -> tuple[Any, ...]:
        """What stands in its columns."""
        return msgspec.structs.astuple(self)

    @property
    def named(self) -> tuple[Any, ...]:
        """What stands in its key."""
        return tuple(getattr(self, name) for name in self.key)

    def digest(self, *owner: object) -> str:
        """Its checksum; before it goes what names the row that it belongs to."""
        return row_digest(*owner, *self.values[: self.covered], *self.said_later)

    @property
    def said_later(self) -> tuple[Any, ...]:
        """What stands in the columns that came later, each with its name; nothing where that is nothing."""
        values = ((name, getattr(self, name)) for name in self.later)
        return tuple(part for each in values if each[1] is not None for part in each)


class EnvironmentRow(TableRow):
    """How something was made."""

    table, key, unique, covered = "provenance", ("id",), ("record",), 1

    record: str
    id: int | None = None  # given by the database


class TrainingRow(TableRow):
    """A task with a recipe, both JSON."""

    table, key, covered = "trainings", ("id",), 4

    id: TrainingId
    task: str
    recipe: str
    until_loss: Amount | None


class FailureRow(TableRow):
    """Why a training could not be done."""

    table, key, covered = "failures", ("training",), 3

    training: TrainingId
    error: str
    attempts: Count
    provenance: int


class NetworkRow(TableRow):
    """A network at a step, in a file; its curves, JSON, go with the end."""

    table, key, covered = "networks", ("training", "seed", "step"), 6

    training: TrainingId
    seed: Seed
    step: Annotated[int, Meta(ge=-1, le=2**62)]
    sha256: Annotated[Hex, Meta(min_length=64, max_length=64)]
    seconds: Amount
    curves: str | None
    bytes: Count
    provenance: int

    @property
    def file(self) -> str:
        """Its path in the folder of networks; step -1 is the end of training."""
        moment = "final" if self.step < 0 else f"step{self.step}"
        return f"{self.training}/seed{self.seed}-{moment}-{self.sha256[:16]}.safetensors"

    @property
    def trained(self) -> Trained:
        """How its training went, of a row of the end."""
        return Trained(**json.loads(self.curves or ""), seconds=self.seconds)


class ScoringRow(TableRow):
    """What one scorer said of a network."""

    table, key, covered, later = "scorings", ("id",), 12, ("sample_gradients",)
    unique = ("training", "seed", "step", "scorer", "version", "source")

    training: TrainingId
    seed: Seed
    step: Count
    scorer: str
    version: str
    source: str
    error: str | None
    draws: Annotated[int, Meta(ge=1, le=2**62)]
    extra_steps: Count
    seconds: Amount
    scores: bytes | None
    signs: bytes | None
    provenance: int
    id: int | None = None  # given by the database
    sample_gradients: Amount | None = None  # not counted before schema 4

    @property
    def names(self) -> tuple[Any, ...]:
        """What stands in the columns that are unique."""
        return self.values[: len(self.unique)]

    @property
    def scored(self) -> Key:
        """What scored it, and when."""
        return Key(self.step, self.scorer, self.version, self.source)

    def digest(self, *owner: object) -> str:
        """Its checksum, with one of the arrays after that of the rest."""
        *row, scores, signs = self.values[: self.covered]
        arrays = (part if isinstance(part, bytes) else str(part or "").encode() for part in (scores, signs))
        return row_digest(*owner, *row, *self.said_later) + hashlib.sha256(b"|".join(arrays)).hexdigest()[:16]


class ResultRow(TableRow):
    """What was measured with scores, JSON, or why it could not be.

    It belongs to a scoring, whose `names` go into its checksum.
    """

    table, key, covered = "results", ("scoring", "protocol", "keep", "evaluator"), 4
    later = ("error",)

    protocol: str
    keep: str
    evaluator: str
    metrics: str
    seconds: Amount
    scoring: int
    provenance: int
    error: str | None = None

    @property
    def measure(self) -> Measure:
        """Which measure it is."""
        return Measure(self.protocol, self.keep)


# A row that others refer to comes after them.
TABLES: tuple[type[TableRow], ...] = (
    ResultRow,
    ScoringRow,
    NetworkRow,
    FailureRow,
    TrainingRow,
    EnvironmentRow,
)


def equal(names: tuple[str, ...]) -> str:
    """The condition that these columns have given values."""
    return " AND ".join(f"{name} = ?" for name in names)


@cache
def select(kind: type[TableRow], condition: str) -> str:
    """The statement that finds rows, each with its checksum after it."""
    return f"SELECT {', '.join(kind.__struct_fields__)}, checksum FROM {kind.table} WHERE {condition or 1}"


@cache
def upsert(kind: type[TableRow]) -> str:
    """The statement that writes a row and its checksum, in the place of another of its names."""
    names = (*kind.__struct_fields__, "checksum")
    unique = kind.unique or kind.key
    changed = ", ".join(f"{name} = excluded.{name}" for name in names if name not in (*unique, *kind.key))
    return (
        f"INSERT INTO {kind.table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))}) "
        f"ON CONFLICT ({', '.join(unique)}) DO UPDATE SET {changed}"
    )


@cache
def delete(kind: type[TableRow]) -> str:
    """The statement that deletes the row of a key."""
    return f"DELETE FROM {kind.table} WHERE {equal(kind.key)}"


def write(connection: sqlite3.Connection, rows: Sequence[TableRow], *owner: object) -> None:
    """Write rows of one table with their checksums; `owner` names what they belong to."""
    if rows:
        columns = [(*row.values, row.digest(*owner)) for row in rows]
        connection.executemany(upsert(type(rows[0])), columns)


def write_scoring(connection: sqlite3.Connection, row: ScoringRow, *, keep: bool = False) -> int:
    """Write a scoring, unless with `keep` one of its names is there; returns its number.

    What was measured with other scores goes with them.
    """
    said = "error", "draws", "scores", "signs"
    query = f"SELECT id, {', '.join(said)} FROM scorings WHERE {equal(row.unique)}"
    for number, *before in connection.execute(query, row.names).fetchall():
        if keep:
            return int(number)
        if before != [getattr(row, name) for name in said]:
            connection.execute(f"DELETE FROM {ResultRow.table} WHERE scoring = ?", [number])
    return _write_numbered(connection, row)


def environment_number(connection: sqlite3.Connection, environment: Environment) -> int:
    """The number under which an environment is kept, once."""
    return _write_numbered(connection, EnvironmentRow(json.dumps(environment, sort_keys=True)))


def _write_numbered(connection: sqlite3.Connection, row: TableRow) -> int:
    """Write a row of a table that numbers its rows; one that is there keeps its number."""
    statement = f"{upsert(type(row))} RETURNING id"
    return int(connection.execute(statement, (*row.values, row.digest())).fetchone()[0])
