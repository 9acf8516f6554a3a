"""Reference networks: read back where the store keeps them, trained where it does not."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace

from prunebench.device import resolve_device
from prunebench.errors import PrunebenchError, RequestError
from prunebench.store.identity import training_id
from prunebench.store.inventory import Inventory, take_inventory
from prunebench.store.network_files import Damaged
from prunebench.store.provenance import environment
from prunebench.store.records import FINAL, Environment, join_history
from prunebench.store.store import Store
from prunebench.store.tables import NetworkRow
from prunebench.tasks.task import Task
from prunebench.training.architecture import architecture_of
from prunebench.training.initial import initialise
from prunebench.training.loop import Progress, run_loop
from prunebench.training.recipe import Recipe
from prunebench.training.state import State
from prunebench.training.train import Trajectory, train


@dataclass(eq=False)
class ReferenceNetworks:
    """The trained networks of some seeds, with a state at each of `steps`; what is new is kept in `store`.

    Seeds that are not in the store are trained wholly. A seed that lacks a step is trained from the nearest
    earlier one that is kept, only as far as that step. A file that is not whole is named and made again.

    Attributes:
        together: with `recipe.until_loss`, all seeds whose training ends together (see `training_id`); by
            default `seeds`.
        made: the environment that new networks are kept with; found out by default.
        record_every: grid of the curves of networks that are trained, and `record_at` further steps of them.
        progress: called with (network-steps taken, to take) now and then: steps of single networks, which is
            how speed is measured everywhere.
        warn: called with a line for each damaged file.
    """

    store: Store
    task: Task
    recipe: Recipe
    seeds: tuple[int, ...]
    steps: Sequence[int] = ()
    together: Sequence[int] = ()
    device: str = "auto"
    made: Environment = field(default_factory=dict)
    record_every: int = 50
    record_at: Sequence[int] = ()
    progress: Progress | None = None
    warn: Callable[[str], None] | None = None

    def __post_init__(self) -> None:
        self.steps = sorted(set(self.steps))
        self.made = self.made or environment(self.device)
        self.training = training_id(self.task, self.recipe, self.together or self.seeds)

    def trajectory(self, *, again: bool = False, claimed: bool = False) -> Trajectory:
        """All of them; `again` trains them all, and `claimed` says that the caller keeps others away.

        Raises `PrunebenchError` where training diverged, `RequestError` for a step that it did not reach.
        """
        with nullcontext() if claimed else self.store.claimed(self.training):
            self.store.register(self.training, self.task, self.recipe)
            for _ in range(1 + 2 * len(self.seeds) * (1 + len(self.steps))):  # each loses one damaged file
                try:
                    return self._complete(Inventory() if again else take_inventory(self.store, self.training))
                except Damaged as damage:
                    again = False
                    if self.warn is not None:
                        self.warn(f"{damage}; making it again")
        raise PrunebenchError(f"{self.store.path}: files that were just written cannot be read back")

    def _complete(self, there: Inventory) -> Trajectory:
        """What is not there is trained. Raises `Damaged` for a file that is not whole."""
        batch = self.seeds if self.recipe.until_loss is None else tuple(self.together or self.seeds)
        if untrained := tuple(seed for seed in batch if seed not in there.trained):
            run = self._train(untrained if self.recipe.until_loss is None else batch)
            if run.seeds == self.seeds:
                return run
            there = take_inventory(self.store, self.training)
        mine = [there.trained[seed] for seed in self.seeds]
        self._check_reached(min(network.gradient_steps for network in mine))
        self._add_steps(there.steps)
        initial, final = (self._state(self.seeds, step).networks for step in (0, FINAL))
        states = {step: self._state(self.seeds, step) for step in self.steps}
        went = join_history(mine), mine[0].gradient_steps, sum(network.seconds for network in mine)
        return Trajectory(self.task, self.recipe, self.seeds, initial, final, states, *went)

    def _train(self, seeds: tuple[int, ...]) -> Trajectory:
        run = train(
            self.task,
            self.recipe,
            seeds=seeds,
            snapshot_steps=self.steps,
            device=self.device,
            record_every=self.record_every,
            record_at=self.record_at,
            progress=self._progress(len(seeds)),
        )
        self._check_reached(run.gradient_steps)
        if lost := [seed for seed, ok in zip(seeds, run.final.finite().tolist(), strict=True) if not ok]:
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
            accepted = f"training ended by --until-loss after {reached} steps"
            raise RequestError("at_steps", self.steps[-1], accepted)

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
        # Initial weights follow from the recipe; kept are only those of networks that began with others.
        kept = (self.store.find(NetworkRow, self.training, seed, step) is not None for seed in seeds)
        if step == 0 and not all(kept):
            state = State(initialise(self.recipe, self.task.shape, seeds, outputs=self.task.outputs))
        else:
            of = architecture_of(self.recipe, self.task.shape, self.task.outputs)
            state = State.cat([self.store.load_state(self.training, seed, step, of) for seed in seeds])
        return state.to(resolve_device(self.device))


def subset(run: Trajectory, seeds: tuple[int, ...]) -> Trajectory:
    """The part of a trajectory that some of its seeds are; itself for all of them."""
    if seeds == run.seeds:
        return run
    at = [run.seeds.index(seed) for seed in seeds]
    history = replace(run.history, loss=run.history.loss[at], accuracy=run.history.accuracy[at])
    states = {step: state.select(at) for step, state in run.states.items()}
    initial, final = run.initial.select(at), run.final.select(at)
    return replace(run, seeds=seeds, initial=initial, final=final, states=states, history=history)
