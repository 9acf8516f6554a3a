"""When the loss of a training leaves its plateau, and how it was watched on the way."""

import itertools
import math

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from prunebench.training.loop import PLATEAU, History
from prunebench.training.train import Trajectory

FINE = 2**0.25  # ratio of the steps at which the loss is recorded on the plateau
COARSE = 2**0.5  # ratio of the steps at which whole networks are kept


def geometric(ratio: float, end: int, first: int = 10) -> list[int]:
    """Distinct steps from `first` up to `end` that grow by `ratio`."""
    steps = (round(first * ratio**i) for i in itertools.count())
    return sorted(set(itertools.takewhile(lambda step: step <= end, steps)))


def first_below(run: Trajectory, loss: float | Float[Tensor, "seeds 1"]) -> Int64[Tensor, " seeds"]:
    """Each network's first seen step below `loss`; the end where there is none."""
    first = run.history.first_below(loss)
    return torch.where(first < 0, run.history.steps[-1], first)


def drop_step(run: Trajectory) -> Int64[Tensor, " seeds"]:
    """`t_drop`: the first seen step off the plateau; the end where there is none."""
    return first_below(run, PLATEAU * run.history.loss[:, :1])


def last_on_plateau(run: Trajectory) -> Int64[Tensor, " seeds"]:
    """The last step of the fine grid that each network's plateau reaches; 0 is in the grid."""
    steps, on = _watched(run.history)
    return steps[on.sum(dim=1) - 1]


def nearest_step(run: Trajectory, step: float) -> int:
    """The kept step that is nearest in ratio to a step above 0."""
    return min((s for s in run.snapshots if s > 0), key=lambda s: abs(math.log(s / step)))


def without_fine_tail(history: History, every: int) -> History:
    """The curves on their own grid, and on the fine one until no network is on its plateau any more."""
    steps, on = _watched(history)
    last = steps[min(int(on.any(dim=0).sum()), len(steps) - 1)]
    own = (history.steps <= last) | (history.steps % every == 0) | (history.steps == history.steps[-1])
    return History(history.steps[own], history.loss[:, own], history.accuracy[:, own])


def _watched(history: History) -> tuple[Int64[Tensor, " points"], Bool[Tensor, "seeds points"]]:
    """The steps of the fine grid, and whether each network had not left its plateau by then."""
    fine = torch.isin(history.steps, torch.tensor([0, *geometric(FINE, int(history.steps[-1]))]))
    on = history.loss[:, fine] >= PLATEAU * history.loss[:, :1]
    return history.steps[fine], on.to(torch.int8).cumprod(dim=1).bool()
