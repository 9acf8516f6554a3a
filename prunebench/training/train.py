"""Training reference networks: `pb.train`."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from types import NoneType
from typing import SupportsIndex

import torch

from prunebench.device import resolve_device
from prunebench.errors import RequestError, check_type
from prunebench.networks import Networks
from prunebench.networks.normalisation import recalibrated
from prunebench.tasks.classes import is_whole
from prunebench.tasks.task import Task
from prunebench.training.initial import initialise
from prunebench.training.loop import History, Progress, run_loop
from prunebench.training.memory import check_memory
from prunebench.training.recipe import Recipe
from prunebench.training.seeds import check_seeds
from prunebench.training.snapshot import Cost, Snapshot
from prunebench.training.state import State

Hook = Callable[[Snapshot], None]


@dataclass(frozen=True, eq=False)
class Trajectory:
    """A finished training of S networks.

    Attributes:
        initial: the networks that training started from.
        final: the networks at the end.
        states: weights and velocity at each snapshot step.
        history: loss and accuracy curves over the training set.
        gradient_steps: steps that each network took here.
        seconds: wall time of the whole batch.
    """

    task: Task
    recipe: Recipe
    seeds: tuple[int, ...]
    initial: Networks
    final: Networks
    states: Mapping[int, State]
    history: History
    gradient_steps: int
    seconds: float

    def __repr__(self) -> str:
        steps = f"{self.gradient_steps:,} steps on {self.task.name}"
        snapshots = ", ".join(map(str, sorted(self.states))) or "none"
        return f"<Trajectory: {self.final!r}, {steps}, snapshots at {snapshots}>"

    @cached_property
    def snapshots(self) -> Mapping[int, Networks]:
        """The networks at each snapshot step."""
        return {step: state.networks for step, state in self.states.items()}

    def snapshot(self, step: int, *, with_final: bool = False) -> Snapshot:
        """What a scorer may see at one of the snapshot steps; see `Snapshot.taken`.

        Raises `RequestError` for another step.
        """
        if not is_whole(step) or step not in self.states:
            there = ", ".join(map(str, sorted(self.states))) or "none"
            raise RequestError("step", step, f"the steps that were kept (snapshot_steps): {there}")
        if step not in self._taken:
            networks = self.snapshots[step], self.initial
            self._taken[step] = Snapshot.taken(self.task, self.recipe, step, *networks, self.seeds)
        final = self._ended if with_final else None
        return replace(self._taken[step], final=final, cost=Cost())

    # To estimate running statistics takes a moment, and every scorer asks for the same.

    @cached_property
    def _taken(self) -> dict[int, Snapshot]:
        return {}

    @cached_property
    def _ended(self) -> Networks:
        return recalibrated(self.final, self.task.x_train)


def train(
    task: Task,
    recipe: Recipe,
    *,
    seeds: SupportsIndex | Iterable[int] = 20,
    snapshot_steps: Iterable[int] = (),
    device: str | torch.device = "auto",
    hooks: Mapping[int, Hook] | None = None,
    start: State | None = None,
    masks: Networks | None = None,
    dtype: torch.dtype = torch.float32,
    record_every: int = 50,
    record_at: Iterable[int] = (),
    engine: str | None = None,
    progress: Progress | None = None,
) -> Trajectory:
    """Train one network per seed with minibatch SGD and momentum (docs/protocols.md), all of them together.

    Args:
        seeds: distinct, or a number n of them, 0 to n - 1; each fixes its network's initial weights and
            minibatch order on its own.
        snapshot_steps: steps at which to keep the networks (0 is initialisation). An epoch e ends at step
            `e * recipe.epoch_steps(task.samples)`.
        hooks: `{step: f}`; `f(snapshot)` is called as training reaches the step.
        start: where to start instead of at `initialise(recipe, ...)`: networks (of any width), a step, and
            optionally their velocity.
        masks: weights that stay exactly 0.
        dtype: float32, or float64 for verification.
        record_every: grid of the loss and accuracy curves, in steps; 0: they have but the first and the last.
        record_at: further steps of the curves.
        engine: the name of one training engine, for verification; by default the fastest is chosen.
        progress: called with (steps taken, steps to take) now and then.

    Raises:
        RequestError: a step after the end or between two, a batch larger than the data, a device that is not
            there, a start whose shape does not fit.
    """
    check_given(task, recipe)
    seeds = check_seeds(seeds)
    check_type("hooks", hooks, (Mapping, NoneType), "functions by their steps, {50: f}, are needed")
    check_type("masks", masks, (Networks, NoneType), "masks shaped like the networks are needed")
    hooks = dict(hooks or {})
    where = resolve_device(device)
    check_type("snapshot_steps", snapshot_steps, Iterable, "steps such as (0, 50) are needed")
    check_type("record_at", record_at, Iterable, "steps such as (0, 50) are needed")
    if dtype not in (torch.float32, torch.float64):
        raise RequestError("dtype", dtype, "torch.float32 or torch.float64 is needed")
    snapshot_steps, record_at = set(snapshot_steps), tuple(record_at)
    if not is_whole(record_every) or record_every < 0:
        raise RequestError("record_every", record_every, "a whole number from 0 is needed")
    record_every = int(record_every)  # NumPy's short ones overflow
    for step in record_at:
        if not is_whole(step):
            raise RequestError("record_at", step, "whole numbers of steps are needed")
    check_memory(task, recipe, len(seeds), len(snapshot_steps))
    if start is None:
        start = State(initialise(recipe, task.shape, seeds, outputs=task.outputs, dtype=dtype))
    check_type("start", start, State, "pb.State(networks, step) is needed")
    start = start.to(where, dtype)
    _check_start(start.networks, task, len(seeds))
    for option, step in [("snapshot_steps", s) for s in snapshot_steps] + [("hooks", s) for s in hooks]:
        if not is_whole(step) or not start.step <= step <= recipe.steps:
            accepted = f"steps here are whole numbers from {start.step} to the end, {recipe.steps}"
            raise RequestError(option, step, accepted)
    initial = start.networks if masks is None else start.networks.masked(masks.to(where))

    def call(hook: Hook, now: State) -> None:
        hook(Snapshot.taken(task, recipe, now.step, now.networks.clone(), initial.clone(), seeds))

    result = run_loop(
        task,
        recipe,
        start,
        seeds,
        masks=masks,
        keep=snapshot_steps,
        hooks={step: partial(call, hook) for step, hook in hooks.items()},
        record_every=record_every,
        record_at=record_at,
        until_loss=recipe.until_loss,
        engine=engine,
        progress=progress,
    )
    return Trajectory(task, recipe, seeds, initial, *result)


def check_given(task: object, recipe: object) -> None:
    """That these are a task and a recipe. Raises `RequestError`."""
    check_type("task", task, Task, "pb.load_task(...) or pb.Task(...) is needed")
    check_type("recipe", recipe, Recipe, "pb.Recipe(...) is needed")


def _check_start(networks: Networks, task: Task, seeds: int) -> None:
    shape = networks.architecture.shape
    if shape is None and (networks.seeds != seeds or networks.inputs != task.inputs):
        found = tuple(networks.w_in.shape)
        raise RequestError("start", found, f"w_in of shape ({seeds}, d, {task.inputs}) is needed")
    if shape is not None and (networks.seeds != seeds or shape != task.shape):
        accepted = f"{seeds} networks for samples of shape {task.shape} are needed"
        raise RequestError("start", f"{networks.seeds} networks for {shape}", accepted)
