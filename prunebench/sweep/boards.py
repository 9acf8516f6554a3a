"""The boards of a sweep's cells."""

from pathlib import Path

from prunebench.benchmark.plan import DENSE, Plan
from prunebench.errors import PrunebenchError
from prunebench.evaluation.metrics import EVALUATOR_VERSION
from prunebench.leaderboard.board import Board, name_of
from prunebench.leaderboard.folder import add_to_folder, has_tables
from prunebench.results import Document, Row, TaskRecord
from prunebench.store.records import Key
from prunebench.store.store import task_record


class Boards:
    """A folder of boards that grows with a sweep.

    Attributes:
        names: the boards that were added to.
        failed: how many rows of scorers that were asked for failed.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.names: set[str] = set()
        self.failed = 0

    def add(self, document: Document) -> None:
        """Join a cell's rows to its board. `PrunebenchError` where there is no room for it."""
        try:
            board, _ = add_to_folder(document, self.folder)
        except OSError as error:
            reason = f"{error.strerror}; all results are in the store, make room and run again"
            raise PrunebenchError(f"{self.folder}: {reason}") from error
        self.names.add(board.name)
        self.failed += sum(row.status == "failed" and not row.control for row in document.rows)

    def hold(self, plan: Plan) -> bool:
        """Whether the rows of a cell that is done are on its board already."""
        name = name_of(TaskRecord.read(task_record(plan.task, plan.recipe)), plan.recipe)
        path = self.folder / f"{name}.json"
        try:
            board = Board.read(path)
        except PrunebenchError:
            return False
        rows = {Key(row.at_step, row.scorer, row.version, row.source or ""): row for row in board.rows}
        return has_tables(board, path) and all(
            key in rows and _has(rows[key], plan, {measure.name for measure in measures})
            for key, measures in plan.wanted.items()
            if key != DENSE
        )


def _has(row: Row, plan: Plan, protocols: set[str]) -> bool:
    return (
        row.status == "ok"
        and row.evaluator == EVALUATOR_VERSION
        and row.seeds == list(plan.seeds)
        and protocols <= row.protocols
        and ("finetune" not in protocols or row.finetune_steps == plan.finetuned)
        and (not plan.normalised or row.recalibrated == plan.recalibrate)
    )
