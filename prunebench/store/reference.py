"""Reference networks: read back where the store keeps them, trained where it does not."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import torch

from prunebench.device import resolve_device
from prunebench.errors import PrunebenchError, RequestError
from prunebench.networks import Networks
from prunebench.store.identity import training_id
from prunebench.store.inventory import take_inventory
from prunebench.store.network_files import Damaged
from prunebench.store.provenance import environment
from prunebench.store.records import FINAL, Environment, join_history
from prunebench.store.store import Store
from prunebench.tasks.task import Task
from prunebench.training.initial import initialise
from prunebench.training.loop import History, Progress, run_loop
from prunebench.training.recipe import Recipe
from prunebench.training.state import State
from prunebench.training.train import Trajectory, train


def reference_networks(
    store: Store,
    task: Task,
    recipe: Recipe,
    seeds: Sequence[int],
    steps: Iterable[int] = (),
    *,
    together: Sequence[int] | None = None,
    device: str = "auto",
    made: Environment | None = None,
    record_every: int = 50,
    record_at: Iterable[int] = (),
    again: bool = False,
    claimed: bool = False,
    progress: Progress | None = None,
    warn: Callable[[str], None] | None = None,
) -> Trajectory:
    """The trained networks of these seeds, with a state at each of `steps`; what is new is kept in `store`.

    Seeds that are not in the store are trained wholly. A seed that lacks a step is trained from the nearest
    earlier one that is kept, only as far as that step. A file that is not whole is named and made again.

    Args:
        together: with `recipe.until_loss`, all seeds whose training ends together (see `training_id`); by
            default `seeds`.
        made: the environment that new networks are kept with; found out by default.
        record_every: grid of the curves of networks that are trained, and `record_at` further steps of them.
        again: train all of them, whatever is kept.
        claimed: whether the caller keeps other processes from this training already.
        progress: called with (network-steps taken, to take) now and then: steps of single networks, which is
            how speed is measured everywhere.
        warn: called with a line for each damaged file.

    Raises:
        PrunebenchError: training diverged.
        RequestError: a step that training did not reach.
    """
    batch = tuple(together or seeds)
    training = training_id(task, recipe, batch)
    where = resolve_device(device)
    wanted = _Wanted(
        store,
        training,
        task,
        recipe,
        tuple(seeds),
        batch if recipe.until_loss is not None else tuple(seeds),
        sorted(set(steps)),
        where,
        made or environment(where),
        record_every,
        tuple(record_at),
        progress,
    )
    with nullcontext() if claimed else store.claimed(training):
        store.register(training, task, recipe)
        for _ in range(1 + 2 * len(seeds) * (1 + len(wanted.steps))):  # each pass loses one damaged file
            try:
                return wanted.again() if again else wanted.completed()
            except Damaged as damage:
                again = False
                if warn is not None:
                    warn(f"{damage}; making it again")
    raise PrunebenchError(f"{store.path}: files that were just written cannot be read back")


def subset(run: Trajectory, seeds: tuple[int, ...]) -> Trajectory:
    """The part of a trajectory that some of its seeds are; itself for all of them."""
    if seeds == run.seeds:
        return run
    at = [run.seeds.index(seed) for seed in seeds]
    history = History(run.history.steps, run.history.loss[at], run.history.accuracy[at])
    states = {step: state.select(at) for step, state in run.states.items()}
    initial, final = run.initial.select(at), run.final.select(at)
    return Trajectory(
        run.task, run.recipe, seeds, initial, final, states, history, run.gradient_steps, run.seconds
    )


@dataclass(frozen=True, eq=False)
class _Wanted:
    """Networks that are asked for.

    Attributes:
        batch: those that are trained if one of them is not there.
    """

    store: Store
    training: str
    task: Task
    recipe: Recipe
    seeds: tuple[int, ...]
    batch: tuple[int, ...]
    steps: Sequence[int]
    device: torch.device
    made: Environment
    record_every: int
    record_at: Sequence[int]
    progress: Progress | None

    def again(self) -> Trajectory:
        """All of them, trained."""
        run = self._train(self.batch)
        return run if self.batch == self.seeds else self.completed()

    def completed(self) -> Trajectory:
        """All of them; what is not in the store is trained. Raises `Damaged` for a file that is not whole."""
        there = take_inventory(self.store, self.training)
        untrained = [seed for seed in self.batch if seed not in there.trained]
        if untrained:
            run = self._train(self.batch if self.recipe.until_loss is not None else tuple(untrained))
            if run.seeds == self.seeds:
                return run
            there = take_inventory(self.store, self.training)
        mine = [there.trained[seed] for seed in self.seeds]
        self._check_reached(min(network.gradient_steps for network in mine))
        self._add_steps(there.steps)
        return Trajectory(
            self.task,
            self.recipe,
            self.seeds,
            self._initial(self.seeds),
            self._state(self.seeds, FINAL).networks,
            {step: self._state(self.seeds, step) for step in self.steps},
            join_history(mine),
            mine[0].gradient_steps,
            sum(network.seconds for network in mine),
        )

    def _train(self, seeds: tuple[int, ...]) -> Trajectory:
        run = train(
            self.task,
            self.recipe,
            seeds=seeds,
            snapshot_steps=self.steps,
            device=str(self.device),
            record_every=self.record_every,
            record_at=self.record_at,
            progress=self._progress(len(seeds)),
        )
        self._check_reached(run.gradient_steps)
        finite = torch.stack([t.flatten(1).isfinite().all(dim=1) for t in run.final.tensors]).all(dim=0)
        if not bool(finite.all()):
            lost = [seed for seed, ok in zip(seeds, finite.tolist(), strict=True) if not ok]
            raise PrunebenchError(f"training diverged for seeds {lost}; take a smaller --learning-rate")
        states = {step: state for step, state in run.states.items() if step > 0}
        states[FINAL] = State(run.final, run.gradient_steps)
        self.store.save_networks(self.training, seeds, states, self.made, run.history, run.seconds)
        return run

    def _progress(self, networks: int) -> Progress | None:
        report = self.progress
        return None if report is None else lambda done, total: report(done * networks, total * networks)

    def _check_reached(self, reached: int) -> None:
        if self.steps and self.steps[-1] > reached:
            raise RequestError(
                "at_steps", self.steps[-1], f"training ended by --until-loss after {reached} steps"
            )

    def _add_steps(self, kept: dict[int, set[int]]) -> None:
        """Train on to the steps that are not kept, with the seeds that lack the same ones together."""
        groups: dict[tuple[int, tuple[int, ...]], list[int]] = {}
        for seed in self.seeds:
            lacking = tuple(step for step in self.steps if step > 0 and step not in kept[seed])
            if lacking:
                nearest = max((step for step in kept[seed] if 0 < step < lacking[0]), default=0)
                groups.setdefault((nearest, lacking), []).append(seed)
        for (nearest, lacking), group in groups.items():
            trained = run_loop(
                self.task,
                self.recipe,
                self._state(group, nearest),
                tuple(group),
                until=lacking[-1],
                keep=lacking,
                progress=self._progress(len(group)),
            )
            self.store.save_networks(self.training, group, trained.states, self.made)

    def _state(self, seeds: Sequence[int], step: int) -> State:
        if step == 0:
            return State(self._initial(seeds))
        return State.cat([self.store.load_state(self.training, seed, step) for seed in seeds]).to(self.device)

    def _initial(self, seeds: Sequence[int]) -> Networks:
        return initialise(self.recipe, self.task.inputs, seeds, outputs=self.task.outputs).to(self.device)
