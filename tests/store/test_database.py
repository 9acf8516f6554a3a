"""The SQLite file: older schemas open, damaged and foreign ones are refused by name."""

import contextlib
import sqlite3
import threading
from pathlib import Path

import pytest

from prunebench.errors import RequestError
from prunebench.store import database
from prunebench.store.database import FILE, MIGRATIONS, SCHEMA, StoreError, connect, row_digest
from prunebench.store.store import Store


def older(folder: Path, schema: int) -> Path:
    """A database as a prunebench of this schema left it, with a record in it."""
    folder.mkdir()
    with contextlib.closing(sqlite3.connect(folder / FILE)) as connection:
        connection.create_function("row_digest", -1, row_digest, deterministic=True)
        for migration in MIGRATIONS[:schema]:
            connection.executescript(migration)
        connection.execute(f"PRAGMA user_version = {schema}")
        if schema:
            connection.execute("INSERT INTO trainings (id, task, recipe) VALUES ('t', '{}', '{}')")
        connection.commit()
    return folder / FILE


@pytest.mark.parametrize("schema", range(SCHEMA))
def test_an_older_schema_opens_and_keeps_its_records(tmp_path: Path, schema: int) -> None:
    path = older(tmp_path / "old", schema)
    for _ in range(2):
        with Store(path.parent) as store:
            assert store.rows("PRAGMA user_version") == [(SCHEMA,)]
            assert store.rows("SELECT id FROM trainings") == ([("t",)] if schema else [])
            assert store.rows("SELECT * FROM failures") == []


@pytest.mark.parametrize("schema", range(1, SCHEMA))
def test_a_reader_of_an_older_schema_leaves_the_file_as_it_is(tmp_path: Path, schema: int) -> None:
    path = older(tmp_path / "old", schema)
    before = path.read_bytes()
    with Store(path.parent, read_only=True) as store:
        assert store.rows("SELECT id FROM trainings") == [("t",)]
        assert store.rows("SELECT * FROM failures") == []
    assert path.read_bytes() == before


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    Store(tmp_path).close()
    with contextlib.closing(sqlite3.connect(tmp_path / FILE)) as connection:
        connection.execute(f"PRAGMA user_version = {SCHEMA + 1}")
    for read_only in (True, False):
        with pytest.raises(StoreError, match=f"schema {SCHEMA + 1} is newer"):
            connect(tmp_path, read_only=read_only)


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TRIGGER thief AFTER INSERT ON trainings BEGIN DELETE FROM networks; END",
        "CREATE VIEW thief AS SELECT * FROM trainings",
        "CREATE TABLE thief (x)",
        "CREATE INDEX thief ON trainings (recipe)",
        "ALTER TABLE trainings ADD COLUMN thief GENERATED ALWAYS AS (abs(-9223372036854775808))",
        "DROP TABLE results",
    ],
)
def test_a_schema_with_anything_else_in_it_is_refused(tmp_path: Path, statement: str) -> None:
    """A view or a trigger is code: nothing of it is ever run."""
    Store(tmp_path).close()
    with contextlib.closing(sqlite3.connect(tmp_path / FILE)) as connection:
        connection.execute(statement)
        connection.commit()
    for read_only in (True, False):
        with pytest.raises(StoreError, match="not a store of prunebench"):
            connect(tmp_path, read_only=read_only)


def test_somebody_elses_database_is_left_alone(tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / FILE)) as connection:
        connection.execute("CREATE TABLE photos (x)")
        connection.commit()
    with pytest.raises(StoreError, match=r"not a store of prunebench \(photos\)"):
        Store(tmp_path)
    with contextlib.closing(sqlite3.connect(tmp_path / FILE)) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("photos",)]


@pytest.mark.parametrize("damage", ["text", "truncated", "overwritten"])
def test_a_damaged_database_is_named(tmp_path: Path, damage: str) -> None:
    with Store(tmp_path) as store, store.writing() as connection:
        rows = [(f"{n:032x}", "{}", "x" * 500) for n in range(200)]
        connection.executemany("INSERT INTO trainings (id, task, recipe) VALUES (?, ?, ?)", rows)
    path = tmp_path / FILE
    content = path.read_bytes()
    if damage == "text":
        path.write_text("this is no database, and long enough to be seen as none" * 50)
    elif damage == "truncated":
        path.write_bytes(content[: len(content) // 2])
    else:
        path.write_bytes(content[:8192] + b"\xa5" * (len(content) - 8192))
    for read_only in (True, False):
        with (
            pytest.raises(StoreError, match=f"{FILE}: the database is damaged"),
            Store(tmp_path, read_only=read_only) as store,
        ):
            store.rows("SELECT * FROM trainings")


def test_a_store_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="store: got"):
        connect(tmp_path, read_only=True)
    with Store.to_read(tmp_path / "nowhere") as store:
        assert store.rows("SELECT * FROM trainings") == []
    assert not (tmp_path / "nowhere").exists()


def test_an_interrupted_transaction_leaves_nothing(tmp_path: Path) -> None:
    def interrupted(store: Store) -> None:
        with store.writing() as connection:
            connection.execute("INSERT INTO trainings (id, task, recipe) VALUES ('t', '{}', '{}')")
            raise KeyboardInterrupt

    with Store(tmp_path) as store:
        with pytest.raises(KeyboardInterrupt):
            interrupted(store)
        assert store.rows("SELECT * FROM trainings") == []
        with store.writing() as connection:
            connection.execute("INSERT INTO trainings (id, task, recipe) VALUES ('t', '{}', '{}')")
    with Store(tmp_path) as store:
        assert store.rows("SELECT id FROM trainings") == [("t",)]


def test_a_database_that_another_process_is_making_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not one yet that readers can use while it is written."""
    made = sqlite3.connect(tmp_path / FILE, isolation_level=None, check_same_thread=False)
    with contextlib.closing(made) as other:
        other.execute("BEGIN IMMEDIATE")
        monkeypatch.setattr(database, "BUSY_SECONDS", 0.1)
        with pytest.raises(StoreError, match="another process has kept it"):
            connect(tmp_path)
        monkeypatch.undo()
        end = threading.Timer(0.3, other.execute, ["ROLLBACK"])
        end.start()
        connect(tmp_path).close()
        end.join()
