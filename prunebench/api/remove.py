"""Experiments that are taken away again, off the boards and out of the store."""

import contextlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from prunebench.errors import PrunebenchError, RequestError, unknown_name
from prunebench.leaderboard.board import Board, name_of
from prunebench.leaderboard.folder import read_folder, remove_rows
from prunebench.results import Row, TaskRecord, read_recipe
from prunebench.store.remove import Said, remove, said_in
from prunebench.store.store import Store
from prunebench.store.tables import FailureRow, NetworkRow, TrainingRow

_OF = "training = ?"


@dataclass(frozen=True)
class Wanted:
    """What is to be taken away: rows of the boards that are named, or without any other wish whole boards.

    Attributes:
        scorer: with its parameters, or by its name alone with any.
        board: the beginning of a board's name; all boards without one.
        failed: only what failed.
    """

    scorer: str | None = None
    at_step: int | None = None
    board: str | None = None
    failed: bool = False

    @property
    def whole(self) -> bool:
        """Whether boards go with all that is theirs."""
        return self.scorer is None and self.at_step is None and not self.failed

    def takes(self, scorer: str, step: int, failed: bool) -> bool:
        """Whether what a scorer found at a step is meant."""
        named = self.scorer in (None, scorer, scorer.partition("[")[0])
        return named and self.at_step in (None, step) and (failed or not self.failed)


@dataclass(frozen=True, eq=False)
class Removal:
    """What would go.

    Attributes:
        boards: the rows of each board, by its name.
        said: scores with their results in the store; `failures`: trainings that could not be done.
        networks: of trainings that go as a whole, their kept networks.
        damaged: boards that could not be read, a line each.
    """

    boards: dict[str, list[Row]]
    said: list[Said]
    failures: list[str]
    networks: dict[str, list[NetworkRow]]
    damaged: list[str]

    def __bool__(self) -> bool:
        return bool(self.boards or self.said or self.failures or self.networks)

    @property
    def in_words(self) -> Iterator[str]:
        """All of it, a line for each row, and for what the store has of it."""
        for name, rows in self.boards.items():
            for row in rows:
                yield f"{name}: {row.scorer} at step {row.at_step} ({row.status})"
        count = Counter[tuple[str, int, bool]]()
        for each in self.said:
            count[each.scorer, each.step, each.failed] += each.networks
        for (scorer, step, failed), networks in sorted(count.items()):
            what = "failures" if failed else "scores and results"
            yield f"store: {what} of {scorer} at step {step}, {networks:,} networks"
        if self.failures:
            yield f"store: trainings that failed, {len(self.failures):,}"
        if self.networks:
            networks_of = [row for rows in self.networks.values() for row in rows]
            size = sum(row.bytes for row in networks_of) / 1e6
            yield f"store: networks with all their results, {len(networks_of):,} files of {size:,.1f} MB"

    def carry_out(self, store: Path, folder: Path) -> None:
        """Do it. Cut short, it leaves whole rows and boards, and can be done again.

        Raises `PrunebenchError` where another process computes what would go.
        """
        with contextlib.ExitStack() as stack:
            opened = None
            if self.said or self.failures or self.networks:
                opened = stack.enter_context(Store(store))
                for training in {*self.failures, *self.networks, *(each.training for each in self.said)}:
                    if not stack.enter_context(opened.claimed(training, wait=False)):
                        raise PrunebenchError("another process computes some of it; nothing was removed")
            for name, rows in self.boards.items():
                remove_rows(name, rows, folder)
            if opened is not None:
                remove(opened, self.said, self.failures, [*self.networks])


def find(wanted: Wanted, store: Path, folder: Path) -> Removal:
    """What of the store and of a folder of boards is meant.

    Raises `RequestError` for a board or a scorer that is not there, and where boards would go as a whole and
    more than one has a name that begins so.
    """
    boards, damaged = read_folder(folder) if folder.is_dir() else ({}, [])
    by_name = {board.name: board for board in boards.values()}
    with Store.to_read(store) as opened:
        trainings = list(_trainings(opened))
        names = sorted({*by_name, *(name for name, _ in trainings)})
        chosen = [name for name in names if name.startswith(wanted.board or "")]
        if wanted.board is not None and not chosen:
            raise unknown_name("--board", wanted.board, names, "boards here")
        chosen = [name for name in chosen if name == wanted.board] or chosen
        if wanted.whole and len(chosen) > 1:
            raise RequestError("--board", wanted.board, f"one board: {', '.join(chosen)}")
        mine = [row for name, row in trainings if name in chosen]
        said = [each for row in mine for each in said_in(opened, row.id)]
        here = [by_name[name] for name in chosen if name in by_name]
        _check_scorer(wanted, here, said)
        rows = {board.name: found for board in here if (found := _rows(board, wanted))}
        if wanted.whole:
            files = {row.id: [file for file, _ in opened.read(NetworkRow, _OF, [row.id])] for row in mine}
            return Removal(rows, [], [], files, damaged)
        said = [each for each in said if wanted.takes(each.scorer, each.step, each.failed)]
        failures = []
        if wanted.scorer is None and wanted.at_step is None:  # all that failed: trainings, too
            failures = [row.id for row in mine if opened.find(FailureRow, row.id) is not None]
        return Removal(rows, said, failures, {}, damaged)


def _rows(board: Board, wanted: Wanted) -> list[Row]:
    return [row for row in board.rows if wanted.takes(row.scorer, row.at_step, row.status == "failed")]


def _check_scorer(wanted: Wanted, boards: list[Board], said: list[Said]) -> None:
    specs = {each.scorer for each in said} | {row.scorer for board in boards for row in board.rows}
    names = specs | {spec.partition("[")[0] for spec in specs}
    if wanted.scorer is not None and wanted.scorer not in names:
        raise unknown_name("SCORER", wanted.scorer, specs, "scorers with results here")


def _trainings(store: Store) -> Iterator[tuple[str, TrainingRow]]:
    """Each with the name of its board; one whose record is damaged has none and is left alone."""
    for row, checksum in store.read(TrainingRow):
        if checksum == row.digest():
            with contextlib.suppress(ValueError):
                recipe = read_recipe(json.loads(row.recipe) | {"until_loss": row.until_loss})
                yield name_of(TaskRecord.read(json.loads(row.task)), recipe), row
