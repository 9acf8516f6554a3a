"""What is taken out of a store for good: what scorers said, and whole trainings with their networks."""

from collections.abc import Collection
from typing import NamedTuple

from prunebench.store.store import Store
from prunebench.store.tables import TABLES, EnvironmentRow, FailureRow, NetworkRow, ScoringRow, TrainingRow


class Said(NamedTuple):
    """What one scorer said at a step of a training's networks.

    Attributes:
        failed: whether it failed; its other networks are counted apart.
        networks: of how many.
    """

    training: str
    scorer: str
    step: int
    failed: bool
    networks: int


def said_in(store: Store, training: str) -> list[Said]:
    """All that scorers said of a training's networks."""
    query = (
        "SELECT training, scorer, step, error IS NOT NULL AS failed, count(*) FROM scorings "
        "WHERE training = ? AND scorer != '' GROUP BY scorer, step, failed ORDER BY step, scorer"
    )
    found = (Said._make(row) for row in store.rows(query, [training]))
    return [said._replace(failed=bool(said.failed)) for said in found]


def remove(
    store: Store, said: Collection[Said], failures: Collection[str], trainings: Collection[str]
) -> None:
    """Take these out, all or nothing: scores with their results, records of failure, and whole trainings.

    The networks' files of a training go after its rows: none of those is left without its file.
    """
    files = [row for each in trainings for row, _ in list(store.read(NetworkRow, "training = ?", [each]))]
    with store.writing() as connection:
        condition = "training = ? AND scorer = ? AND step = ? AND (error IS NOT NULL) = ?"
        names = [(each.training, each.scorer, each.step, each.failed) for each in said]
        connection.executemany(f"DELETE FROM {ScoringRow.table} WHERE {condition}", names)
        for training in failures:
            connection.execute(f"DELETE FROM {FailureRow.table} WHERE training = ?", [training])
        for training in trainings:
            for kind in (ScoringRow, NetworkRow, FailureRow):
                connection.execute(f"DELETE FROM {kind.table} WHERE training = ?", [training])
            connection.execute(f"DELETE FROM {TrainingRow.table} WHERE id = ?", [training])
        unused = " AND ".join(
            f"id NOT IN (SELECT provenance FROM {kind.table})"
            for kind in TABLES
            if "provenance" in kind.__struct_fields__
        )
        connection.execute(f"DELETE FROM {EnvironmentRow.table} WHERE {unused}")
    for row in files:
        store.files.remove(row)
