"""The boards of a sweep's jobs."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from msgspec import structs

from prunebench.benchmark.document import unfit_rows
from prunebench.benchmark.estimate import duration
from prunebench.benchmark.plan import DENSE, Plan
from prunebench.benchmark.reporter import Reporter
from prunebench.errors import PrunebenchError
from prunebench.evaluation.metrics import EVALUATOR_VERSION, protocol_of
from prunebench.evaluation.summary import known
from prunebench.leaderboard.board import Board
from prunebench.leaderboard.folder import add_rows, add_to_folder, board_called, has_tables
from prunebench.leaderboard.lost import Held, lost, protocols_of
from prunebench.results import Document, Row
from prunebench.store.provenance import environment
from prunebench.store.records import Key, Measure
from prunebench.sweep.plans import board_of
from prunebench.sweep.study import Job


class Boards:
    """A folder of boards that grows with a sweep.

    Attributes:
        begun: boards by name that rows join where the folder has no board yet.
        lost: what is no longer on each board that was added to, by its name.
        failed: how many rows of scorers that were asked for failed.
    """

    def __init__(self, folder: Path, begun: Mapping[str, Board] | None = None) -> None:
        self.folder, self.begun = folder, begun or {}
        self.lost: dict[str, str | None] = {}
        self._before: dict[str, Held] = {}
        self.failed = 0

    def add(self, document: Document) -> str | None:
        """Join a job's rows to its board; where that is damaged, the line that says so is returned.

        `PrunebenchError` where there is no room, which would be so for any board.
        """
        with self._writing():
            try:
                board, _, older = add_to_folder(document, self.folder, self.begun)
            except PrunebenchError as error:
                return f"{error}; the results are in the store"
        self.lost[board.name] = lost(self._before.setdefault(board.name, protocols_of(older)), board)
        self.failed += sum(row.status == "failed" and not row.control for row in document.rows)
        return None

    def add_unfit(self, plans: Iterable[Plan]) -> None:
        """Put rows of scorers that are not asked on boards that have all else: nothing is trained for it."""
        for plan in plans:
            board, held = self._board(plan), self.held(plan)
            rows = unfit_rows(replace(plan, held=held), environment(plan.device))
            if board is not None and rows and not _lacking(plan, held):
                with self._writing():
                    add_rows(structs.replace(board, rows=rows), self.folder, self.begun)
                self.lost.setdefault(board.name, None)

    def hold(self, plan: Plan) -> bool:
        """Whether the rows of a job that is done are on its board already."""
        path = self.folder / f"{board_of(plan)}.json"
        try:
            board = Board.read(path)
        except PrunebenchError:
            return False
        held = _held(plan, board)
        return has_tables(board, path) and not _lacking(plan, held) and held >= {*plan.unasked}

    def without_held(self, jobs: Sequence[tuple[Job, Plan]]) -> list[tuple[Job, Plan]]:
        """Jobs without the rows that their boards have; those of which no row is left are left out."""
        found = []
        for job, plan in jobs:
            held = self.held(plan)
            if _lacking(plan, held):
                found.append((replace(job, held=held), replace(plan, held=held)))
        return found

    def say_cost(self, plans: Iterable[Plan], reporter: Reporter) -> None:
        """What it took to train networks where boards that rows are to join were made."""
        boards = [self.begun[name] for name in dict.fromkeys(map(board_of, plans)) if name in self.begun]
        seconds = sum(known(board.training.seconds) or 0.0 for board in boards)
        if seconds:
            where = " or ".join(dict.fromkeys(str(board.environment.get("device")) for board in boards))
            reporter.plan(f"where the boards were made, training took {duration(seconds)} ({where})")

    def held(self, plan: Plan) -> frozenset[Key]:
        """Which rows of a plan the board that they would join has already, whole and by the same code."""
        board = self._board(plan)
        if board is None:
            return frozenset()
        controls = {row.key: row.version for row in board.rows if row.control}
        # What a control does its version tells, whatever was rewritten around it since the board was made.
        same = {key for key in plan.wanted if controls.get((key.scorer, key.step)) == key.version}
        return _held(plan, board, same)

    def _board(self, plan: Plan) -> Board | None:
        try:
            return board_called(board_of(plan), self.folder) or self.begun.get(board_of(plan))
        except PrunebenchError:
            return None

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            reason = f"{error.strerror}; all results are in the store, make room and run again"
            raise PrunebenchError(f"{self.folder}: {reason}") from error


def _lacking(plan: Plan, held: Collection[Key]) -> set[Key]:
    """The rows with numbers that are not held."""
    return {*plan.wanted} - {DENSE, *held}


def _held(plan: Plan, board: Board, same: Collection[Key] = ()) -> frozenset[Key]:
    """The rows of a plan that a board has, by the same code or known to be the `same`."""
    rows = {Key(row.at_step, row.scorer, row.version, row.source or ""): row for row in board.rows}
    rows |= {key: row for key in same for row in board.rows if row.key == (key.scorer, key.step)}
    wanted, trained = plan.wanted, board.training_steps
    found = {key for key in rows.keys() & wanted if _has(rows[key], plan, wanted[key], trained)}
    for key in rows.keys() & plan.unasked:
        if _is_of(rows[key], plan, "unfit") and rows[key].error == plan.unfit[key.scorer]:
            found.add(key)
    return frozenset(found)


def _is_of(row: Row, plan: Plan, status: str) -> bool:
    return row.status == status and row.evaluator == EVALUATOR_VERSION and row.seeds == list(plan.seeds)


def _has(row: Row, plan: Plan, measures: Sequence[Measure], trained: int) -> bool:
    protocols = {measure.name for measure in measures}
    kept = {(protocol_of(path), path[2]) for path in row.metrics if len(path) == 3}
    return (
        _is_of(row, plan, "ok")
        and protocols <= row.protocols
        and kept >= {(measure.name, measure.keep) for measure in measures if measure.keep}
        and ("finetune" not in protocols or row.finetune_steps == min(plan.finetuned, trained))
        and (not plan.normalised or row.recalibrated == plan.recalibrate)
    )
