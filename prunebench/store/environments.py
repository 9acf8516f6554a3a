"""The records of how results were made, each kept once."""

import json
import sqlite3
from collections.abc import Callable

from prunebench.store.checksums import row_digest
from prunebench.store.records import Environment


def environment_id(connection: sqlite3.Connection, environment: Environment) -> int:
    """The number under which an environment is kept."""
    record = json.dumps(environment, sort_keys=True)
    connection.execute(
        "INSERT INTO provenance (record, checksum) VALUES (?, ?) "
        "ON CONFLICT (record) DO UPDATE SET checksum = excluded.checksum WHERE checksum != excluded.checksum",
        [record, row_digest(record)],
    )
    return int(connection.execute("SELECT id FROM provenance WHERE record = ?", [record]).fetchone()[0])


class Environments:
    """Environments by number, each read once; None for one that is damaged or not there."""

    def __init__(self, rows: Callable[..., list[tuple[str, str]]]) -> None:
        self._rows = rows
        self._known: dict[int, Environment | None] = {}

    def __getitem__(self, number: int) -> Environment | None:
        if number not in self._known:
            found = self._rows("SELECT record, checksum FROM provenance WHERE id = ?", [number])
            whole = [record for record, checksum in found if checksum == row_digest(record)]
            self._known[number] = json.loads(whole[0]) if whole else None
        return self._known[number]
