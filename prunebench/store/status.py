"""What a store holds, in numbers. Reads the database alone, so that asking costs no time."""

import contextlib
from dataclasses import dataclass
from pathlib import Path

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
    with contextlib.closing(connect(folder, read_only=True)) as connection, errors(path):
        holdings = tuple(Holding(*row) for row in connection.execute(_COUNTS))
        ((newest,),) = connection.execute(_NEWEST)
    files = [path.with_name(FILE + ending) for ending in ("", "-wal")]
    return Status(holdings, sum(file.stat().st_size for file in files if file.exists()), newest)


# Of the trainings of each task, what `Holding` counts. The index of scorings is small; their scores are not,
# so the join with results starts there and reads no row of scorings.
_COUNTS = """
SELECT ifnull(CASE WHEN json_valid(task) THEN
        json_extract(task, '$.name') || ', ' || json_extract(task, '$.samples') || ' samples'
    END, 'tasks whose record is damaged') AS name, count(*),
    ifnull(sum(networks), 0), ifnull(sum(snapshots), 0), ifnull(sum(results), 0), ifnull(sum(failed), 0),
    sum(EXISTS (SELECT 1 FROM failures f WHERE f.training = id)), ifnull(sum(size), 0)
FROM trainings
LEFT JOIN (SELECT training AS id, sum(step < 0) AS networks, sum(step >= 0) AS snapshots, sum(bytes) AS size
    FROM networks GROUP BY training) USING (id)
LEFT JOIN (SELECT training AS id, count(*) AS results
    FROM scorings s CROSS JOIN results r ON scoring = s.id AND r.error IS NULL GROUP BY training) USING (id)
LEFT JOIN (SELECT training AS id, count(*) AS failed
    FROM scorings WHERE error IS NOT NULL GROUP BY training) USING (id)
GROUP BY name ORDER BY name"""
_NEWEST = "SELECT max(json_extract(record, '$.utc')) FROM provenance WHERE json_valid(record)"
