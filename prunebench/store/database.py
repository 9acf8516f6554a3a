"""The SQLite file: its schema, how older ones are brought up to date, and its errors in words."""

import contextlib
import hashlib
import json
import sqlite3
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from prunebench.errors import PrunebenchError, RequestError, one_line

FILE = "results.sqlite"
# What SQLite keeps beside it while it is used.
BESIDE = ("-wal", "-shm", "-journal")
_DAMAGED = ("malformed", "not a database", "no such")
# Others may be writing: wait for them this long before giving up.
BUSY_SECONDS = 120

# MIGRATIONS[n] brings schema n to n + 1. Never edit one that was released; append.
MIGRATIONS = (
    """
    CREATE TABLE provenance (id INTEGER PRIMARY KEY, record TEXT NOT NULL UNIQUE);
    CREATE TABLE trainings (
        id TEXT PRIMARY KEY, task TEXT NOT NULL, recipe TEXT NOT NULL, until_loss REAL
    ) WITHOUT ROWID;
    CREATE TABLE networks (
        training TEXT NOT NULL REFERENCES trainings, seed INTEGER NOT NULL, step INTEGER NOT NULL,
        sha256 TEXT NOT NULL, bytes INTEGER NOT NULL, seconds REAL NOT NULL, curves TEXT,
        provenance INTEGER NOT NULL REFERENCES provenance, checksum TEXT NOT NULL,
        PRIMARY KEY (training, seed, step)
    ) WITHOUT ROWID;
    CREATE TABLE scorings (
        id INTEGER PRIMARY KEY,
        training TEXT NOT NULL REFERENCES trainings, seed INTEGER NOT NULL, step INTEGER NOT NULL,
        scorer TEXT NOT NULL, version TEXT NOT NULL, source TEXT NOT NULL,
        error TEXT, draws INTEGER NOT NULL, scores BLOB, signs BLOB,
        extra_steps INTEGER NOT NULL, seconds REAL NOT NULL,
        provenance INTEGER NOT NULL REFERENCES provenance, checksum TEXT NOT NULL,
        UNIQUE (training, step, scorer, version, source, seed)
    );
    CREATE TABLE results (
        scoring INTEGER NOT NULL REFERENCES scorings ON DELETE CASCADE,
        protocol TEXT NOT NULL, keep TEXT NOT NULL, evaluator TEXT NOT NULL,
        metrics TEXT NOT NULL, seconds REAL NOT NULL,
        provenance INTEGER NOT NULL REFERENCES provenance, checksum TEXT NOT NULL,
        PRIMARY KEY (scoring, protocol, keep, evaluator)
    ) WITHOUT ROWID;
    """,
    """
    CREATE TABLE failures (
        training TEXT PRIMARY KEY REFERENCES trainings, error TEXT NOT NULL, attempts INTEGER NOT NULL,
        provenance INTEGER NOT NULL REFERENCES provenance
    ) WITHOUT ROWID
    """,
    """
    ALTER TABLE provenance ADD COLUMN checksum TEXT;
    ALTER TABLE trainings ADD COLUMN checksum TEXT;
    ALTER TABLE failures ADD COLUMN checksum TEXT;
    UPDATE provenance SET checksum = row_digest(record);
    UPDATE trainings SET checksum = row_digest(id, task, recipe, until_loss);
    UPDATE failures SET checksum = row_digest(training, error, attempts)
    """,
    """
    ALTER TABLE scorings ADD COLUMN sample_gradients REAL;
    ALTER TABLE results ADD COLUMN error TEXT
    """,
)
SCHEMA = len(MIGRATIONS)


_JSON = json.JSONEncoder(default=repr)


def row_digest(*values: object) -> str:
    """Hash of a row's values, of whatever type damage has left them."""
    return hashlib.sha256(_JSON.encode(values).encode()).hexdigest()[:16]


class StoreError(PrunebenchError):
    """The store itself cannot be used, so no other work on it can go on either."""


def connect(folder: Path | None, *, read_only: bool = False) -> sqlite3.Connection:
    """Open (or make) the database in `folder`, in memory for None, and bring its schema up to date.

    A reader does not change the file, so it needs no right to write; an older schema is then migrated in a
    copy. Raises `StoreError` for a damaged file, one of a newer schema or one that holds anything
    but the store's own tables (a view or trigger of somebody's would run here), `RequestError` where a
    folder cannot be used.
    """
    path = None if folder is None else folder / FILE
    with errors(path):
        connection = _open(path, read_only)
        with closed_by_errors(connection):
            _prepare(connection)
            _check_schema(connection, path)
            if not read_only or _version(connection) >= SCHEMA:
                _migrate(connection, path)
                return connection
        copy = _copy(connection)
        with closed_by_errors(copy):
            _migrate(copy, path)
        return copy


@contextlib.contextmanager
def closed_by_errors(connection: sqlite3.Connection) -> Iterator[None]:
    """Close it where something is raised, for whom it is meant will never have it."""
    try:
        yield
    except BaseException:
        connection.close()
        raise


def damaged(path: Path | None, reason: str) -> StoreError:
    """The error of a database that is damaged beyond its rows."""
    advice = "move it away, or put a copy of it back; `prunebench status --check --forget` may mend it"
    return StoreError(f"{path}: the database is damaged ({reason}); {advice}")


@contextlib.contextmanager
def errors(path: Path | None) -> Iterator[None]:
    """SQLite's errors as one line that names the file."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        reason = one_line(str(error))
        if "readonly" in reason or "unable to open" in reason:
            shown = str(path.parent if path else None)
            raise RequestError("store", shown, f"a folder that can be written: {reason}") from error
        if "full" in reason or "disk I/O" in reason:
            reason += "; all results written before are whole, make room and run again"
        elif any(words in reason for words in _DAMAGED):
            raise damaged(path, reason) from error
        elif "locked" in reason:
            reason += f": another process has kept it for {BUSY_SECONDS} seconds; when it is done, run again"
        elif not isinstance(error, sqlite3.OperationalError):
            raise
        raise StoreError(f"{path}: {reason}") from error
    except UnicodeDecodeError as error:  # of what SQLite says about a schema that is none
        raise StoreError(
            f"{path}: the database is damaged; move it away, or put a copy of it back"
        ) from error


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection, path: Path | None) -> Iterator[None]:
    """All or nothing. Takes the write lock first: two writers wait for each other instead of failing."""
    with errors(path):
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


def _open(path: Path | None, read_only: bool) -> sqlite3.Connection:
    if path is None:
        return sqlite3.connect(":memory:", isolation_level=None)
    _check_files(path)
    if read_only:
        return _open_to_read(path)
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
    with closed_by_errors(connection):
        _write_ahead(connection)
        connection.execute("PRAGMA synchronous = NORMAL")
    return connection


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Let readers and a writer work at once.

    SQLite does not wait for its timeout where another process holds the lock of a writer in a database that
    is not so yet, as where several make a store at once.
    """
    until = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(0.01)
        else:
            return


def _check_files(path: Path) -> None:
    """Ordinary files, or none yet: SQLite would wait for ever at a pipe."""
    for file in (path, *(path.with_name(path.name + ending) for ending in BESIDE)):
        try:
            mode = file.stat().st_mode
        except FileNotFoundError:
            continue
        except OSError as error:
            raise RequestError("store", str(path.parent), f"{file}: {error.strerror}") from error
        if not stat.S_ISREG(mode):
            raise RequestError("store", str(path.parent), f"{file} is no ordinary file; move it away")


def _open_to_read(path: Path) -> sqlite3.Connection:
    if not path.exists():
        raise RequestError("store", str(path.parent), f"a folder with a {FILE}; `prunebench run` makes one")
    uri = path.resolve().as_uri()
    connection = sqlite3.connect(f"{uri}?mode=ro", uri=True, timeout=BUSY_SECONDS, isolation_level=None)
    try:
        with closed_by_errors(connection):
            connection.execute("SELECT count(*) FROM sqlite_master")
    except sqlite3.OperationalError:
        # A folder that cannot be written has no room for the files that readers share with writers.
        connection = sqlite3.connect(f"{uri}?mode=ro&immutable=1", uri=True, isolation_level=None)
    return connection


def _copy(connection: sqlite3.Connection) -> sqlite3.Connection:
    """A copy to bring up to date, in a temporary file: it may be larger than the memory."""
    with contextlib.closing(connection):
        copy = sqlite3.connect("", isolation_level=None)
        with closed_by_errors(copy):
            connection.backup(copy)
            _prepare(copy)
    return copy


def _prepare(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.create_function("row_digest", -1, row_digest, deterministic=True)  # for MIGRATIONS
    # Text that is none is damage to a row, found by its checksum: the rest of the database can be read.
    connection.text_factory = lambda raw: raw.decode("utf-8", "replace")


def _check_schema(connection: sqlite3.Connection, path: Path | None) -> None:
    connection.execute("BEGIN")  # one moment of the file: another process may be migrating it
    found = _version(connection)
    there = _schema_of(connection)
    connection.execute("COMMIT")
    if not 0 <= found <= SCHEMA:
        raise StoreError(f"{path}: schema {found} is newer than this prunebench's {SCHEMA}; update it")
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as empty:
        _prepare(empty)
        _migrate(empty, path, found)
        own = _schema_of(empty)
    if strange := sorted(str(name) for _, name, _ in there ^ own):
        raise StoreError(f"{path}: not a store of prunebench ({', '.join(strange)}); move it away")


def _schema_of(connection: sqlite3.Connection) -> set[tuple[str, str, str | None]]:
    query = "SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite~_%' ESCAPE '~'"
    return set(connection.execute(query))


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _migrate(connection: sqlite3.Connection, path: Path | None, schema: int = SCHEMA) -> None:
    if _version(connection) == schema:
        return
    with transaction(connection, path):
        for migration in MIGRATIONS[_version(connection) : schema]:  # another process may have been faster
            for statement in migration.split(";"):
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {schema}")
