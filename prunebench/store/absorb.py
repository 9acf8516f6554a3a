"""Records of one store taken into another."""

import json
import sqlite3
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from prunebench.store.checked_rows import CheckedRows
from prunebench.store.integrity import find_damage, forget
from prunebench.store.network_files import Damaged
from prunebench.store.store import Store
from prunebench.store.tables import (
    NetworkRow,
    ResultRow,
    ScoringRow,
    TrainingRow,
    environment_number,
    write,
    write_scoring,
)
from prunebench.store.validation import is_valid
from prunebench.training.recipe import Recipe

Code = tuple[str, str, str]  # of scorings: the scorer, its version and its source


@dataclass
class Absorbed:
    """What came of it.

    Attributes:
        networks, results: taken over; of a network, it may be only the file, where that is lost here.
        present: results that were there already, with equal numbers.
        differing: results that were there with other numbers, by name; the ones that were there stay.
        damaged: what was left out because it is not what was written, by name.
        forgotten: what was here and damaged, by name; what the other store has takes its place.
    """

    networks: int = 0
    results: int = 0
    present: int = 0
    differing: list[str] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)
    forgotten: list[str] = field(default_factory=list)


def absorb(
    into: Store,
    other: Store,
    *,
    training: str | None = None,
    scorers: Collection[Code] | None = None,
    networks: Collection[int] | None = None,
    replace: bool = False,
) -> Absorbed:
    """Take over what `into` lacks of `other`, one training at a time, each in one transaction.

    Only `training`, results of `scorers` and networks of these seeds, if they are named. With `replace`, the
    other store wins over records that are there; else an error there gives way to scores, and nothing else
    does. Every row and file is checked against its hash.
    """
    absorbed = Absorbed()
    for row, whole in CheckedRows(other, training).of(TrainingRow):
        if whole and is_valid(row):
            _Absorbing(into, other, row, scorers, networks, replace, absorbed).run()
        else:
            absorbed.damaged.append(f"training {row.id!r}")
    return absorbed


@dataclass
class _Absorbing:
    """One training on its way from a store into another."""

    into: Store
    other: Store
    training: TrainingRow
    scorers: Collection[Code] | None
    seeds: Collection[int] | None
    replace: bool
    absorbed: Absorbed

    def __post_init__(self) -> None:
        self.rows = CheckedRows(self.other, self.training.id)
        self.numbers: dict[int, int] = {}

    def run(self) -> None:
        damage = list(find_damage(self.into, self.training.id))
        forget(self.into, damage)
        self.absorbed.forgotten += [each.what for each in damage]
        copied = self._networks()
        with self.into.writing() as connection:
            if self.into.find(TrainingRow, self.training.id) is None:
                write(connection, [self.training])
            there = self._there()  # another process may have trained them while the files were copied
            networks = [row for row in copied if self.replace or row.named not in there]
            for row in networks:
                row.provenance = self._number(connection, row.provenance)
            write(connection, networks)
            self._scorings(connection)
        self.absorbed.networks += len(networks)

    def _number(self, connection: sqlite3.Connection, number: int) -> int:
        """What a number of the other store's environments is in this one."""
        if number not in self.numbers:
            made = self.rows.environment(number)
            assert made is not None
            self.numbers[number] = environment_number(connection, made)
        return self.numbers[number]

    def _there(self) -> dict[tuple[Any, ...], NetworkRow]:
        return {row.named: row for row, _ in self.into.read(NetworkRow, "training = ?", [self.training.id])}

    def _networks(self) -> list[NetworkRow]:
        """Rows to take over, with their files copied: a file without a row does no harm."""
        there, taken = self._there(), []
        for row, whole in self.rows.of(NetworkRow):
            here = None if self.replace else there.get(row.named)
            if here is not None and (here.sha256 != row.sha256 or self.into.files.damage(here) is None):
                continue
            if self.seeds is not None and row.seed not in self.seeds:
                continue
            try:
                if not whole or not is_valid(row):
                    raise Damaged(f"training {row.training}, seed {row.seed!r}, step {row.step!r}")
                self.into.files.write(row.file, self.other.files.read(row))
            except Damaged as damage:
                self.absorbed.damaged.append(str(damage))
                continue
            if here is None:
                taken.append(row)
            else:  # the file alone was lacking
                self.absorbed.networks += 1
        return taken

    def _scorings(self, connection: sqlite3.Connection) -> None:
        recipe = Recipe.read(json.loads(self.training.recipe))
        units = recipe.width if recipe.network is None else None  # of others their code would tell
        query = f"SELECT {', '.join(ScoringRow.unique)}, id, error FROM scorings WHERE training = ?"
        rows = self.into.rows(query, [self.training.id])
        there = {tuple(names): (number, error) for *names, number, error in rows}
        for row, whole, results in self.rows.scorings():
            if self.scorers is not None and (row.scorer, row.version, row.source) not in self.scorers:
                continue
            if not whole or not is_valid(row, units):
                self.absorbed.damaged.append(_name(row))
                continue
            number, error = there.get(row.names, (None, None))
            if number is None or self.replace or (error is not None and row.error is None):
                row.id, row.provenance = None, self._number(connection, row.provenance)
                number = write_scoring(connection, row)
            self._results(connection, row, number, results)

    def _results(
        self,
        connection: sqlite3.Connection,
        scoring: ScoringRow,
        number: int,
        results: list[tuple[ResultRow, bool]],
    ) -> None:
        """Those of a scoring that has this number here."""
        there = {row.named: row for row, _ in self.into.read(ResultRow, "scoring = ?", [number])}
        taken = []
        for row, whole in results:
            row.scoring = number
            here = there.get(row.named)
            if not whole or not is_valid(row):
                self.absorbed.damaged.append(_name(scoring, row))
            elif here is None or self.replace or (here.error is not None and row.error is None):
                row.provenance = self._number(connection, row.provenance)
                taken.append(row)
            elif row.error is not None or here.metrics == row.metrics:
                self.absorbed.present += 1
            else:
                self.absorbed.differing.append(_name(scoring, row))
        write(connection, taken, *scoring.names)
        self.absorbed.results += len(taken)


def _name(scoring: ScoringRow, result: ResultRow | None = None) -> str:
    what = "" if result is None else f"{result.measure} of "
    return (
        f"{what}{scoring.scorer} at step {scoring.step}, seed {scoring.seed}, of training {scoring.training}"
    )
