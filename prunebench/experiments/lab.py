"""The tasks and trained networks of a setting, shared by all experiments so that nothing is trained twice."""

import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from prunebench.benchmark.reporter import Reporter
from prunebench.device import resolve_device
from prunebench.experiments.plateau import COARSE, FINE, geometric, last_on_plateau, without_fine_tail
from prunebench.experiments.setting import Setting
from prunebench.networks import Networks
from prunebench.store.reference import ReferenceNetworks
from prunebench.store.store import Store
from prunebench.tasks.task import Task
from prunebench.training.recipe import Recipe
from prunebench.training.train import Trajectory


@dataclass(eq=False)
class Lab:
    """Loads tasks and trains networks of a setting, once.

    Attributes:
        load: gives the task of N training samples.
        store: where trained networks are kept; in memory by default.
        reporter: hears how the trainings get on.
    """

    setting: Setting
    load: Callable[[int], Task]
    store: Store = field(default_factory=Store)
    device: str = "auto"
    reporter: Reporter = field(default_factory=Reporter)

    def __post_init__(self) -> None:
        self.load = cache(self.load)

    def task(self, samples: int | None = None) -> Task:
        """The task of N samples (the setting's by default)."""
        return self.load(samples or self.setting.samples)

    def run(self, samples: int | None = None, **options: Any) -> Trajectory:
        """Networks trained on N samples by the setting's recipe with these `options`, on the CPU.

        Networks of the default size have snapshots on a geometric grid of steps, others only at 0 and at the
        early steps. The loss is recorded on a uniform grid, and on a finer geometric one on the plateau.
        """
        task, recipe = self.task(samples), self.setting.recipe(samples, **options)
        steps = {0, *(step for step in self.setting.early if step <= recipe.steps)}
        if self._is_default_size(task, recipe):
            steps |= set(geometric(COARSE, recipe.steps, first=12))
        return self._networks(task, recipe, self.setting.seeds, steps)

    def runs(self, **options: Iterable[Any]) -> Iterator[tuple[Trajectory, dict[str, Any]]]:
        """`run` for each combination of options, the first varying slowest, and the combination by name."""
        for values in itertools.product(*options.values()):
            where = dict(zip(options, values, strict=True))
            yield self.run(**where), where

    def before(self, run: Trajectory) -> Networks:
        """Each network as late as it was seen on its plateau: trained on to there from its last snapshot."""
        ends = zip(run.seeds, last_on_plateau(run).tolist(), strict=True)
        return Networks.cat(
            [self._networks(run.task, run.recipe, (seed,), (step,)).snapshots[step] for seed, step in ends]
        )

    def train_on(self, run: Trajectory, step: int, networks: Networks) -> Networks:
        """The end of training of networks that take the place of a run's at one of its snapshots."""
        there = networks.to(resolve_device(self.device))
        return run.snapshot(step).train(there, from_step=step).to("cpu")

    def _is_default_size(self, task: Task, recipe: Recipe) -> bool:
        return (task.samples, recipe.width) == (self.setting.samples, self.setting.width)

    def _networks(
        self, task: Task, recipe: Recipe, seeds: tuple[int, ...], steps: Iterable[int]
    ) -> Trajectory:
        every = 50 if self._is_default_size(task, recipe) else max(50, recipe.steps // 80)
        run = ReferenceNetworks(
            self.store,
            task,
            recipe,
            seeds,
            tuple(steps),
            device=self.device,
            record_every=every,
            record_at=geometric(FINE, recipe.steps),
            progress=self.reporter.training,
            warn=self.reporter.warn,
        ).trajectory()
        return replace(
            run,
            initial=run.initial.to("cpu"),
            final=run.final.to("cpu"),
            states={step: state.to("cpu") for step, state in run.states.items()},
            history=without_fine_tail(run.history, every),
        )
