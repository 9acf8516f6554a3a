"""What a store holds, in numbers. Reads the database alone, so that asking costs no time."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prunebench.store.database import FILE, connect, errors


@dataclass(frozen=True)
class Holding:
    """What there is of one task.

    Attributes:
        trainings: recipes.
        networks: trained networks; snapshots: networks kept at earlier steps.
        failed: scorings without scores; diverged: trainings that could not be done.
        size: bytes of the networks' files.
    """

    task: str
    trainings: int
    networks: int
    snapshots: int
    results: int
    failed: int
    diverged: int
    size: int


@dataclass(frozen=True)
class Status:
    """All tasks of a store, the bytes of its database, and when something was last added (UTC)."""

    holdings: tuple[Holding, ...]
    database: int
    newest: str | None


def read_status(folder: Path) -> Status:
    """Count what the store in `folder` holds. Raises as `connect` does."""
    path = folder / FILE
    connection = connect(folder, read_only=True)

    def count(query: str) -> dict[str, Sequence[Any]]:
        return {training: numbers for training, *numbers in connection.execute(query)}

    with errors(path):
        tasks = dict(connection.execute("SELECT id, task FROM trainings").fetchall())
        networks = count(
            "SELECT training, sum(step < 0), sum(step >= 0), sum(bytes) FROM networks GROUP BY training"
        )
        # The index of scorings is small; their scores are not, so the join starts there and reads no row.
        results = count(
            "SELECT training, count(*) FROM scorings s CROSS JOIN results ON scoring = s.id GROUP BY training"
        )
        failed = count("SELECT training, count(*) FROM scorings WHERE error IS NOT NULL GROUP BY training")
        diverged = count("SELECT training, 1 FROM failures")
        newest = connection.execute(
            "SELECT max(json_extract(record, '$.utc')) FROM provenance WHERE json_valid(record)"
        ).fetchone()[0]
    connection.close()
    by_task: dict[str, list[str]] = {}
    for training, text in tasks.items():
        by_task.setdefault(_name_of(text), []).append(training)

    def total(counts: dict[str, Sequence[Any]], trainings: Sequence[str], place: int = 0) -> int:
        return sum(counts[training][place] for training in trainings if training in counts)

    holdings = tuple(
        Holding(
            task,
            len(mine),
            total(networks, mine, 0),
            total(networks, mine, 1),
            total(results, mine),
            total(failed, mine),
            total(diverged, mine),
            total(networks, mine, 2),
        )
        for task, mine in sorted(by_task.items())
    )
    files = [path.with_name(FILE + ending) for ending in ("", "-wal")]
    return Status(holdings, sum(file.stat().st_size for file in files if file.exists()), newest)


def _name_of(task: str) -> str:
    try:
        record = json.loads(task)
        return f"{record['name']}, {record['samples']} samples"
    except (ValueError, TypeError, KeyError):
        return "tasks whose record is damaged"
