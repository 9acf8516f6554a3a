"""The loop that every training goes through: stops, curves, masks and progress around an engine."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from prunebench.device import full_precision
from prunebench.errors import RequestError
from prunebench.networks import Networks
from prunebench.networks.normalisation import has_statistics
from prunebench.tasks.task import Task
from prunebench.training.engines import Engine, Problem, choose
from prunebench.training.order import PAD, minibatch_orders
from prunebench.training.recipe import Recipe
from prunebench.training.state import State
from prunebench.training.stopwatch import Stopwatch

# Called with (steps taken, steps to take), both counted from where this training started: first with 0 taken,
# then several times a second. All networks train together, so network-steps are steps times networks.
Progress = Callable[[int, int], None]
SLICE_SECONDS = 0.2
PLATEAU = 0.98  # the plateau lasts while the loss is above this share of the initial loss


@dataclass(frozen=True, eq=False)
class History:
    """Loss and accuracy over the whole training set, at the start and then on a grid of steps.

    Attributes:
        steps: steps taken at each point.
        loss: mean cross-entropy in nats.
        accuracy: share of training samples classified right.
    """

    steps: Int64[Tensor, " points"]
    loss: Float[Tensor, "seeds points"]
    accuracy: Float[Tensor, "seeds points"]

    def __repr__(self) -> str:
        points, last = self.loss.shape[1], self.steps[-1:].tolist()
        return f"<History: {len(self.loss)} curves of {points} points, to step {last[0] if last else 0:,}>"

    def first_below(self, loss: float | Float[Tensor, "seeds 1"]) -> Int64[Tensor, " seeds"]:
        """Each network's first recorded step below `loss`; -1 where there is none."""
        below = self.loss < loss
        steps = self.steps[below.to(torch.int8).argmax(dim=1)]
        return torch.where(below.any(dim=1), steps, torch.full_like(steps, -1))

    def drop_step(self) -> Int64[Tensor, " seeds"]:
        """`t_drop`, the end of the plateau: first recorded step below 0.98 of the initial loss, or -1."""
        return self.first_below(PLATEAU * self.loss[:, :1])


class LoopResult(NamedTuple):
    """What a training leaves behind: its end, what was kept on the way, its curves, and what it cost."""

    final: Networks
    states: Mapping[int, State]
    history: History
    gradient_steps: int  # of each network
    seconds: float  # without the compilation of kernels


@full_precision()
def run_loop(
    task: Task,
    recipe: Recipe,
    state: State,
    seeds: tuple[int, ...],
    *,
    masks: Networks | None = None,
    until: int | None = None,
    keep: Iterable[int] = (),
    hooks: Mapping[int, Callable[[State], None]] | None = None,
    record_every: int = 0,
    record_at: Iterable[int] = (),
    until_loss: float | None = None,
    engine: str | None = None,
    progress: Progress | None = None,
) -> LoopResult:
    """Train from `state` to step `until` (the recipe's end), keep some states and call hooks on the way.

    Curves are recorded every `record_every` steps (0: only first and last) and at the steps `record_at`. With
    `until_loss` training ends at the first recorded point where every network's loss is below it; the
    result's `gradient_steps` tell how far it came. A seed may stand for several networks: they see the same
    minibatches.
    """
    end = recipe.steps if until is None else until
    if state.step > end:
        raise RequestError("start step", state.step, f"a step up to the end, {end}, is needed")
    if state.networks.outputs < task.outputs:  # compiled code would read and write beyond its logits
        found = f"networks of {state.networks.outputs} outputs"
        raise RequestError("start", found, f"{task.outputs} are needed, one for each class")
    device, dtype = state.networks.device, state.networks.dtype
    distinct = list(dict.fromkeys(seeds))
    problem = Problem(
        x=state.networks.architecture.shaped(task.x_train).to(device, dtype),
        y=task.y_train.to(device),
        orders=minibatch_orders(task.samples, recipe.batch_size, end, distinct).to(device),
        order_of=torch.tensor([distinct.index(seed) for seed in seeds], device=device),
        recipe=recipe,
        masks=None if masks is None else _checked(masks, state.networks).to(device),
        curve_every=record_every,
    )
    _check_single(problem, state)
    stopwatch = Stopwatch()
    trainer = choose(problem, state if masks is None else state.masked(problem.masks), engine)
    pace = _Pace(trainer, end, progress)
    kept, hooks = set(keep), hooks or {}
    states: dict[int, State] = {}
    calls = {step for step in (*kept, *hooks) if state.step <= step <= end}
    grid = {*range(0, end, record_every or max(end, 1)), *record_at}
    points = {step for step in grid if state.step <= step <= end} | {state.step, end}
    curves: dict[int, tuple[Tensor, Tensor]] = {}  # on the device: to fetch them here would stop it each time
    for step in sorted(calls | points):
        pace.advance(step)
        if step in calls:
            now = trainer.state()
            if step in hooks:
                hooks[step](now)
            if step in kept:
                states[step] = now
        if step in points:
            curves[step] = trainer.curves()
            if until_loss is not None and bool((curves[step][0] < until_loss).all()):
                break
    final = trainer.state()
    losses, accuracies = (torch.stack(curve, dim=1).cpu() for curve in zip(*curves.values(), strict=True))
    history = History(torch.tensor(list(curves)), losses, accuracies)
    return LoopResult(final.networks, states, history, final.step - state.step, stopwatch.seconds)


def _checked(masks: Networks, networks: Networks) -> Networks:
    """Masks of all weights, full ones of those that are not given. `RequestError`: of anything else."""
    full = dict(networks.full_masks().tensors)
    for name, mask in masks.tensors.items():
        if name not in full or mask.shape != full[name].shape:
            accepted = ", ".join(f"{own} {tuple(tensor.shape)}" for own, tensor in full.items())
            raise RequestError("masks", f"{name} {tuple(mask.shape)}", f"of weights alone: {accepted}")
    return networks.like(full | dict(masks.tensors))


def _check_single(problem: Problem, state: State) -> None:
    """Raises `RequestError` for networks that cannot be trained on the one sample that a minibatch has."""
    sizes = (problem.orders[0, state.step :] != PAD).sum(dim=1)
    if not len(sizes) or int(sizes.min()) > 1 or not has_statistics(state.networks.architecture):
        return
    module = state.networks.to_module(0).train()
    try:
        with torch.no_grad():
            module(problem.x[:1])
    except ValueError as error:
        accepted = (
            f"of {len(problem.x)} samples a minibatch has but one, which batch normalisation cannot take"
        )
        raise RequestError("batch_size", problem.recipe.batch_size, accepted) from error


class _Pace:
    """Advances an engine in slices of a fraction of a second, so that a bar moves and Ctrl-C is heard."""

    def __init__(self, engine: Engine, end: int, progress: Progress | None) -> None:
        self._engine, self._start, self._end = engine, engine.step, end
        self._progress = progress or (lambda taken, all_steps: None)
        self._blocks = 1
        self._progress(0, end - self._start)

    def advance(self, step: int) -> None:
        """Train until `step` steps have been taken in all."""
        engine = self._engine
        while engine.step < step:
            began, block = time.perf_counter(), engine.step // engine.block
            engine.advance(min(step, (block + self._blocks) * engine.block))
            # Slices end where blocks do: how fast the machine is must not change any rounding.
            faster = SLICE_SECONDS / max(time.perf_counter() - began, 1e-6)
            self._blocks = max(1, int(self._blocks * min(faster, 2)))
            self._progress(engine.step - self._start, self._end - self._start)
