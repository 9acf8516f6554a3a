"""The rows of a store, each with whether it is what was written."""

from collections.abc import Iterator

from prunebench.store.records import Environment
from prunebench.store.store import Store
from prunebench.store.tables import EnvironmentRow, R, ResultRow, ScoringRow, TableRow, TrainingRow
from prunebench.store.validation import read_object

# As results are listed; an index has scorings in this order.
IN_ORDER = "ORDER BY training, step, scorer, version, source, seed"


class CheckedRows:
    """Reads the rows of one training, or of a whole store.

    A row is whole if its checksum is that of what it holds, and so is its record of how it was made.
    """

    def __init__(self, store: Store, training: str | None = None) -> None:
        self._store, self._training = store, training
        self._environments: dict[int, Environment | None] = {}

    def of(self, kind: type[R], order: str = "") -> Iterator[tuple[R, bool]]:
        """Those of a table."""
        column = "id" if kind is TrainingRow else "training"
        condition, values = (f"{column} = ?", [self._training]) if self._training is not None else ("1", [])
        for row, checksum in self._store.read(kind, f"{condition} {order}", values):
            yield row, self._is_whole(row, checksum)

    def scorings(self, order: str = "") -> Iterator[tuple[ScoringRow, bool, list[tuple[ResultRow, bool]]]]:
        """Scorings with their results."""
        for scoring, whole in self.of(ScoringRow, order):
            names = scoring.names
            results = self._store.read(ResultRow, "scoring = ?", [scoring.id])
            yield scoring, whole, [(row, self._is_whole(row, seal, *names)) for row, seal in results]

    def environment(self, number: int) -> Environment | None:
        """How something was made; None where the record is damaged or not there."""
        if number not in self._environments:
            self._environments[number] = None
            for row, checksum in self._store.read(EnvironmentRow, "id = ?", [number]):
                record = read_object(row.record)
                if checksum == row.digest() and record and isinstance(record.get("utc"), str):
                    self._environments[number] = record
        return self._environments[number]

    def _is_whole(self, row: TableRow, checksum: str, *owner: object) -> bool:
        made = getattr(row, "provenance", None)
        known = made is None or self.environment(made) is not None
        return known and checksum == row.digest(*owner)
