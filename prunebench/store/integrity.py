"""Damage in a store: found row by row and file by file, named, and forgotten, which computes it again."""

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from prunebench.errors import one_line
from prunebench.store.checked_rows import CheckedRows
from prunebench.store.database import damaged
from prunebench.store.records import FINAL
from prunebench.store.store import Store
from prunebench.store.tables import (
    TABLES,
    EnvironmentRow,
    FailureRow,
    NetworkRow,
    ResultRow,
    ScoringRow,
    TableRow,
    TrainingRow,
    delete,
)

# The column by which rows of other tables refer to those of a table.
_REFERRED: dict[type[TableRow], str] = {TrainingRow: "training", EnvironmentRow: "provenance"}


@dataclass(frozen=True)
class Damage:
    """A row that is not what was written, or whose file is not.

    Attributes:
        name: what a person calls it; damage may have left anything in it.
        row: None for the database itself.
    """

    name: str
    row: TableRow | None = None

    @property
    def what(self) -> str:
        """Its name, in characters that can be shown."""
        return "".join(c if c.isprintable() else "?" for c in self.name)[:400]


def count_rows(store: Store) -> dict[str, int]:
    """How many rows each table has, by its name."""
    return {row.table: store.rows(f"SELECT count(*) FROM {row.table}")[0][0] for row in TABLES}


def find_damage(store: Store, training: str | None = None, *, files: bool = False) -> Iterator[Damage]:
    """All that is damaged of one training, or of the whole store; with `files`, the networks are read too."""
    rows = CheckedRows(store, training)
    if training is None:
        yield from _structure(store)
        for kind in (EnvironmentRow, TrainingRow, FailureRow):
            yield from (damage_of(row) for row, whole in rows.of(kind) if not whole)
    for network, whole in rows.of(NetworkRow):
        if not whole:
            yield damage_of(network)
        elif files and (damage := store.files.damage(network)) is not None:
            yield Damage(str(damage), network)
    for scoring, whole, results in rows.scorings():
        if not whole:  # its results go with it
            yield damage_of(scoring)
        else:
            yield from (damage_of(result, scoring) for result, whole in results if not whole)


def damage_of(row: TableRow, scoring: ScoringRow | None = None) -> Damage:
    """A damaged row; a result with the scoring that it belongs to."""
    match row:
        case EnvironmentRow():
            return Damage(f"record {row.id} of how results were made", row)
        case TrainingRow():
            return Damage(f"training {row.id}: its task and recipe", row)
        case FailureRow():
            return Damage(f"training {row.training}: why it failed", row)
        case NetworkRow():
            when = "the end" if row.step == FINAL else f"step {row.step}"
            return Damage(f"training {row.training}, seed {row.seed}, {when}: the row of the network", row)
        case ScoringRow():
            what, scoring = "scores", row
        case ResultRow():
            what = str(row.measure)
    assert scoring is not None
    by = f"{scoring.scorer} at step {scoring.step}" if scoring.scorer else "the networks"
    return Damage(f"training {scoring.training}, seed {scoring.seed}: {what} of {by}", row)


def check_structure(store: Store, *, references: bool = True) -> None:
    """Raises `StoreError` where the database itself is damaged, and not only rows in it.

    With `references`, where rows refer to others that are gone, too.
    """
    for damage in _structure(store) if references else _tables(store):
        raise damaged(store.path, damage.what)


def forget(store: Store, found: Sequence[Damage]) -> int:
    """Delete these rows, and build indices again where they are damaged; returns how many rows are gone.

    What is forgotten is missing, and computed again. A training or a record of how things were made stays as
    long as whole rows refer to it: running the task again writes the first anew.
    """
    if not found:
        return 0
    count = 0
    to_index = any(damage.row is None for damage in found)
    with store.writing() as connection:
        if to_index:
            with contextlib.suppress(sqlite3.IntegrityError):  # a damaged row may have another's name
                connection.execute("REINDEX")
                to_index = False
        for kind in TABLES:
            statement, column = delete(kind), _REFERRED.get(kind)
            for other in TABLES:
                if column in other.__struct_fields__:
                    statement += (
                        f" AND NOT EXISTS (SELECT 1 FROM {other.table} o WHERE o.{column} = {kind.table}.id)"
                    )
            keys = [damage.row.named for damage in found if isinstance(damage.row, kind)]
            count += max(0, connection.executemany(statement, keys).rowcount)
        if to_index:
            try:
                connection.execute("REINDEX")
            except sqlite3.IntegrityError as error:
                raise damaged(store.path, one_line(str(error))) from error
    return count


def _structure(store: Store) -> Iterator[Damage]:
    yield from _tables(store)
    for table, rows, parent in store.rows(
        "SELECT [table], count(*), parent FROM pragma_foreign_key_check GROUP BY [table], parent"
    ):
        yield Damage(f"{table}: {rows:,} rows refer to rows of {parent} that are gone")


def _tables(store: Store) -> Iterator[Damage]:
    """Of tables and their indices."""
    for (line,) in store.rows("PRAGMA integrity_check(10)"):
        if line != "ok":
            yield Damage(f"database: {' '.join(str(line).split())}")
