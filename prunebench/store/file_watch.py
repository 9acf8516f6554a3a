"""Whether the files of an open database are still where they were.

SQLite goes on writing to files that somebody has deleted, and all that it wrote is gone when it ends.
"""

import contextlib
import os
import sqlite3
from pathlib import Path

from prunebench.store.database import BESIDE, StoreError


class FileWatch:
    """Watches the files of a database that is written to."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self._path, self._connection = path, connection
        self._seen: dict[Path, tuple[int, int]] = {}
        self.check()

    def check(self) -> None:
        """Raises `StoreError` where a file was deleted or replaced; what this process had is kept then."""
        for ending in ("", *BESIDE[:2]):
            file = self._path.with_name(self._path.name + ending)
            now = _identity(file)
            if now is not None:
                self._seen.setdefault(file, now)
            if self._seen.get(file) != now:
                self._seen.clear()  # said once
                raise StoreError(
                    f"{file}: {'replaced' if now else 'deleted'} while it was in use; {self._keep(file)}"
                )

    def _keep(self, lost: Path) -> str:
        """Bring what this process sees of the database into a file again, and say where."""
        if lost != self._path and _identity(self._path) is not None:
            ((busy, _, _),) = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            if not busy:
                return f"all results are in {self._path}, run again"
        there = self._path
        if _identity(there) is not None:
            there = there.parent / f"rescued-{os.getpid()}" / there.name
        there.parent.mkdir(parents=True, exist_ok=True)
        new = there.with_name(f"{there.name}.{os.getpid()}.tmp")
        with contextlib.closing(sqlite3.connect(new)) as copy:
            self._connection.backup(copy)
        for ending in BESIDE:  # of the file that is gone
            there.with_name(there.name + ending).unlink(missing_ok=True)
        os.replace(new, there)
        if there == self._path:
            return "all results are back in their place, run again"
        return f"all results are kept in {there.parent}, for `prunebench merge`"


def _identity(file: Path) -> tuple[int, int] | None:
    try:
        there = file.stat()
    except OSError:
        return None
    return there.st_dev, there.st_ino
