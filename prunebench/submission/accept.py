"""Putting the rows of a submission on boards."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from prunebench.errors import PrunebenchError, RequestError
from prunebench.evaluation.metrics import EVALUATOR_VERSION
from prunebench.evaluation.summary import known
from prunebench.leaderboard.board import Board
from prunebench.leaderboard.folder import add_rows, board_called
from prunebench.plugin.spec import parse_spec
from prunebench.scoring.registry import SCORERS
from prunebench.scoring.scorer import Scorer
from prunebench.store.store import Store
from prunebench.submission.records import of_other_code, unlike_records
from prunebench.submission.submission import FILE, STORE, Submission

KEPT = "submissions"  # in the folder of the boards: what their rows came from


@dataclass
class Accepted:
    """What came of it.

    Attributes:
        rows: how many are on boards now.
        replaced: how many took the place of an earlier one.
        without_board: boards that are not in the folder; their rows were left out.
    """

    rows: int = 0
    replaced: int = 0
    without_board: list[str] = field(default_factory=list)


def rows_of(folder: Path, submission: Submission, load: Callable[[str], Scorer]) -> list[Board]:
    """A submission's boards. `PrunebenchError` where its rows are not those of its scorer and its records."""
    boards = [Board.read(folder / name) for name in submission.boards]
    with Store(folder / STORE, read_only=True) as store:
        for board in boards:
            for row in board.rows:
                if row.control or parse_spec(row.scorer, SCORERS.noun)[0] != submission.scorer:
                    raise PrunebenchError(f"{board.name}: a row of {row.scorer}, not of {submission.scorer}")
                if row.evaluator != EVALUATOR_VERSION:
                    raise PrunebenchError(
                        f"{board.name}: of evaluator {row.evaluator}; this is {EVALUATOR_VERSION}"
                    )
            if others := of_other_code([board], load):
                raise PrunebenchError(
                    f"the rows of {others[0]} were made by other code than came along or is here"
                )
            if unlike := unlike_records(board, store):
                raise PrunebenchError(f"{len(unlike)} metrics are not what its records say, as {unlike[0]}")
    # The contract is checked for these. Another could be of a file that nobody has looked at.
    if {row.scorer for board in boards for row in board.rows} != {*submission.specs}:
        raise PrunebenchError(f"{folder}: {FILE} has other specs than the rows")
    return boards


def check_out(boards: list[Board], out: Path) -> None:
    """Raises what `accept` would end with, before an audit, which takes long.

    `RequestError` where no row would find its board, `PrunebenchError` where a board is of networks that were
    trained for other steps (`until_loss`).
    """
    if not any((out / f"{board.name}.json").is_file() for board in boards):
        raise RequestError(
            "out", str(out), "a folder with one of the submission's boards, at least, is needed"
        )
    for board in boards:
        there = board_called(board.name, out)
        if there is not None and not there.ended_as(board):
            own, others = (known(of.training.gradient_steps) for of in (board, there))
            raise PrunebenchError(f"{board.name}: of networks trained for {own} steps, here for {others}")


def accept(folder: Path, submission: Submission, boards: list[Board], out: Path) -> Accepted:
    """Join a submission's rows to the boards in `out`, and keep there what they came from."""
    accepted = Accepted()
    for board in boards:
        replaced = add_rows(board, out)
        if replaced is None:
            accepted.without_board.append(board.name)
        else:
            accepted.rows += len(board.rows)
            accepted.replaced += replaced
    if accepted.rows:
        kept = out / KEPT / submission.scorer
        kept.mkdir(parents=True, exist_ok=True)
        for name in filter(None, (FILE, submission.plugin)):
            shutil.copyfile(folder / name, kept / name)
    return accepted
