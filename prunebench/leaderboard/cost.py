"""What predictions cost, as a share of a training, and which are the best for at most that."""

import itertools
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from prunebench.evaluation.summary import Number
from prunebench.leaderboard.ranks import RowKey
from prunebench.results import Results, Row

# Shares of a training, for at most which the best predictors are named.
BUDGETS = (0.001, 0.01, 0.03, 0.1, 0.3, 1.0)
COST = "cost"
COST_READ = (
    "Cost: of a prediction, in % of one network's training, both in sample gradients: the steps to the "
    "snapshot, and every pass and step of the scorer's own."
)


@dataclass(frozen=True)
class Priced:
    """A prediction, its mean rank correlation, and the share of a training that it took."""

    share: float
    mean: Number
    row: Row


def front(board: Results) -> list[Priced]:
    """The predictions that are better, by the mean over seeds, than all that cost as much or less."""
    found = [
        Priced(share, row.spearman.mean, row)
        for row in board.rows
        if row.predicts and row.spearman and (share := board.share_of_training(row)) is not None
    ]
    best: list[Priced] = []
    for one in sorted(found, key=lambda one: (one.share, -one.mean, one.row.key)):
        if not best or one.mean > best[-1].mean:
            best.append(one)
    return best


def best_within(front: Sequence[Priced], share: float) -> Priced | None:
    """The best prediction for at most this share of a training."""
    return next((one for one in reversed(front) if one.share <= share), None)


def percent(share: float) -> str:
    """`0.25 %`, `31 %`, `300 %`: two digits, and whole ones above 10."""
    value = 100 * share
    return f"{value:.0f} %" if value >= 10 else f"{value:.2g} %"


def cost_cells(board: Results) -> dict[RowKey, str]:
    """The cost of every row where it was counted, as tables show it."""
    shares = ((row.key, board.share_of_training(row)) for row in board.rows)
    return {key: percent(share) for key, share in shares if share is not None}


def _spans() -> Iterator[str]:
    first, *_ = BUDGETS
    yield from ("at the start", f"up to {percent(first)}")
    for least, most in itertools.pairwise(BUDGETS):
        yield f"{percent(least).removesuffix(' %')} to {percent(most)}"


SPANS = tuple(_spans())  # of a training; boards of unlike steps share these columns


def span_of(step: int, board: Results) -> int:
    """The place in `SPANS` of a step of a board's training."""
    return min(bisect_left((0.0, *BUDGETS), step / board.training_steps), len(SPANS) - 1)
