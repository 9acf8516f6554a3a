"""The best early predictor at a step of a board, and what the tests say of it."""

from dataclasses import dataclass

from prunebench.leaderboard.column import Column
from prunebench.leaderboard.columns import best
from prunebench.leaderboard.ranks import better_than, rank_rows, untested
from prunebench.results import Results, Row

EARLY_READ = "an early predictor took fewer gradient steps than one training"
SIGNS_READ = (
    "=2: not told apart from two others; <1: another is significantly better, though its mean is lower; "
    "not tested: the seeds are too few for any difference among so many scorers to be significant."
)


@dataclass(frozen=True)
class BestEarly:
    """The best early predictor at a step, by its mean.

    Attributes:
        row: the predictor.
        tied: how many others it is not told apart from; None where nothing was compared.
        better: how many other early predictors are significantly better: where networks collapse, the mean
            can say something else than the tests.
        untested: of how many seeds, where these are too few for any difference to be significant.
    """

    row: Row
    tied: int | None
    better: int
    untested: int | None

    @property
    def sign(self) -> str:
        """What stands behind its mean (`SIGNS_READ`)."""
        if self.untested:
            return "(not tested)"
        return f"<{self.better}" if self.better else f"={self.tied}" if self.tied else ""


def best_early(board: Results, column: Column, step: int) -> BestEarly | None:
    """The early predictor with the highest mean in a column at a step; None where none has a number."""
    here = [row for row in board.rows if row.at_step == step]
    found = best(filter(board.predicts_early, here), column, 1)
    if not found:
        return None
    (first,) = found
    ranks = rank_rows(here, column)
    rank = ranks.get(first.key)
    winners = better_than(first, here, column) if rank and rank.first > 1 else set()
    return BestEarly(
        first,
        tied=rank.tied if rank and len(ranks) > 1 else None,
        better=sum(row.scorer in winners and board.predicts_early(row) for row in here),
        untested=untested(here, column).get(step) if rank else None,
    )
