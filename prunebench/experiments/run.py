"""What experiments keep of a training."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from prunebench.networks import Networks
from prunebench.tasks.task import Task
from prunebench.training.recipe import Recipe
from prunebench.training.snapshot import Snapshot
from prunebench.training.train import train

PLATEAU = 0.98  # the plateau lasts while the loss is above this share of the initial loss (REFERENCE)
FINE = 2**0.25  # ratio of the steps at which the plateau is watched
COARSE = 2**0.5  # ratio of the steps at which whole networks are kept


@dataclass(frozen=True, eq=False)
class Run:
    """A training with the moments that figures are drawn from.

    Attributes:
        kept: networks at some steps, 0 among them.
        before: each network as late as it was seen on its plateau, and `before_steps`, when that was.
        final: the trained networks.
        steps: of the curves: a uniform grid, and a geometric one on the plateau.
        loss: of the training set, in nats.
        accuracy: of the training set.
    """

    task: Task
    recipe: Recipe
    seeds: tuple[int, ...]
    kept: Mapping[int, Networks]
    before: Networks
    before_steps: Int64[Tensor, " seeds"]
    final: Networks
    steps: Int64[Tensor, " points"]
    loss: Float[Tensor, "seeds points"]
    accuracy: Float[Tensor, "seeds points"]

    def first_below(self, loss: float | Float[Tensor, "seeds 1"]) -> Int64[Tensor, " seeds"]:
        """Each network's first seen step below `loss`; the end where there is none."""
        below = self.loss < loss
        first = self.steps[below.to(torch.int8).argmax(dim=1)]
        return torch.where(below.any(dim=1), first, self.steps[-1])

    def drop_step(self) -> Int64[Tensor, " seeds"]:
        """`t_drop`: the first seen step off the plateau; the end where there is none."""
        return self.first_below(PLATEAU * self.loss[:, :1])

    def nearest(self, step: float) -> int:
        """The kept step that is nearest in ratio to a step above 0."""
        return min((s for s in self.kept if s > 0), key=lambda s: abs(torch.tensor(s / step).log().item()))


def geometric(ratio: float, end: int, first: int = 10) -> list[int]:
    """Distinct steps from `first` up to `end` that grow by `ratio`."""
    steps, step = set(), float(first)
    while step <= end:
        steps.add(round(step))
        step *= ratio
    return sorted(steps)


def train_run(
    task: Task,
    recipe: Recipe,
    seeds: tuple[int, ...],
    *,
    keep: set[int],
    device: str,
    record_every: int,
    progress: Callable[[int, int], None] | None = None,
) -> Run:
    """Train, keeping the networks at the steps `keep` and watching the plateau on a geometric grid."""
    watch = _Watch(task)
    hooks = dict.fromkeys([0, *geometric(FINE, recipe.steps)], watch)
    result = train(
        task,
        recipe,
        seeds=seeds,
        snapshot_steps=keep | {0},
        hooks=hooks,
        device=device,
        record_every=record_every,
        progress=progress,
    )
    history = result.history
    points = {int(s): (history.loss[:, i], history.accuracy[:, i]) for i, s in enumerate(history.steps)}
    points = watch.points | points
    steps = sorted(points)
    loss, accuracy = (torch.stack([points[s][k].cpu().float() for s in steps], dim=1) for k in (0, 1))
    return Run(
        task=task,
        recipe=recipe,
        seeds=seeds,
        kept={step: nets.to("cpu") for step, nets in result.snapshots.items()},
        before=watch.before,
        before_steps=watch.before_steps,
        final=result.final.to("cpu"),
        steps=torch.tensor(steps),
        loss=loss,
        accuracy=accuracy,
    )


class _Watch:
    """Called on the way: keeps each network as long as its loss has not dropped."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._waiting: Tensor
        self._limit: Tensor
        self.points: dict[int, tuple[Tensor, Tensor]] = {}
        self.before: Networks
        self.before_steps: Tensor

    def __call__(self, snapshot: Snapshot) -> None:
        nets = snapshot.networks
        if self.points and not self._waiting.any():
            return
        loss = nets.loss(self._task.x_train, self._task.y_train).cpu()
        accuracy = nets.accuracy(self._task.x_train, self._task.y_train).cpu()
        nets = nets.to("cpu")
        if not self.points:
            self._limit, self._waiting = PLATEAU * loss, torch.ones_like(loss, dtype=torch.bool)
            self.before, self.before_steps = nets.clone(), torch.zeros(len(loss), dtype=torch.int64)
        self.points[snapshot.step] = loss, accuracy
        self._waiting &= loss >= self._limit
        for old, new in zip(self.before.tensors, nets.tensors, strict=True):
            old[self._waiting] = new[self._waiting]
        self.before_steps[self._waiting] = snapshot.step
