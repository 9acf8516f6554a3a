"""What a scorer may see."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from jaxtyping import Float
from torch import Tensor

from prunebench.counting import GRADIENT, count, counted
from prunebench.errors import PrunebenchError
from prunebench.networks import Networks
from prunebench.networks.normalisation import recalibrated
from prunebench.tasks.task import Task
from prunebench.training.initial import SCORER_STREAM, generator
from prunebench.training.loop import run_loop
from prunebench.training.recipe import Recipe
from prunebench.training.state import State

MOMENTS = ("networks", "initial", "final", "twin")  # a snapshot's fields of networks


@dataclass
class Cost:
    """What a scorer spent on all networks: on training of its own, and on passes that nobody counts for it.

    Passes that networks make for it (`gradient`, `logits`, ...) and the steps of `Snapshot.train` are counted
    as they are made. A scorer that runs a module itself adds what that takes.

    Attributes:
        gradient_steps: of training, added up over the networks.
        seconds: of training.
        sample_gradients: of other passes: one for each sample's gradient in each network, a third for a
            forward pass alone.
    """

    gradient_steps: int = 0
    seconds: float = 0.0
    sample_gradients: float = 0.0


@dataclass(frozen=True, eq=False)
class Snapshot:
    """Networks frozen at a step, with all that a scorer may know: nothing in it is later than the step.

    Attributes:
        step: gradient steps taken; 0 is initialisation.
        networks: the networks at that step.
        initial: the same networks at step 0.
        seeds: the seed of each network, 0..S-1 if left out. A scorer that draws numbers derives them from it.
        final: the trained networks; given only to scorers that declare `sees_end`, None for all others.
        twin: the same networks trained to the end in another minibatch order; given only to scorers that ask
            for `twins`, None for all others.
        cost: what training asked for through `train` has cost so far.
    """

    task: Task
    recipe: Recipe
    step: int
    networks: Networks
    initial: Networks
    seeds: tuple[int, ...] = ()
    final: Networks | None = None
    twin: Networks | None = None
    cost: Cost = field(default_factory=Cost)

    @classmethod
    def taken(
        cls,
        task: Task,
        recipe: Recipe,
        step: int,
        networks: Networks,
        initial: Networks,
        seeds: tuple[int, ...],
        final: Networks | None = None,
    ) -> "Snapshot":
        """Of networks as training left them: running statistics of batch normalisation are estimated again.

        Those that training keeps begin at 0 and 1 and lag behind the weights, which at an early step are
        others than the statistics tell of.
        """
        left = cls(task, recipe, step, networks, initial, seeds, final)
        return left.map(lambda nets: recalibrated(nets, task.x_train))

    def with_twin(self, twin: Networks) -> "Snapshot":
        """The same with its twin, as training left it (see `taken`)."""
        return replace(self, twin=recalibrated(twin, self.task.x_train))

    def __post_init__(self) -> None:
        if not self.seeds:
            object.__setattr__(self, "seeds", tuple(range(self.networks.seeds)))

    def __repr__(self) -> str:
        return f"<Snapshot: {self.networks!r}, step {self.step:,} on {self.task.name}>"

    @property
    def x(self) -> Float[Tensor, "samples ..."]:
        """Training inputs as the networks take them, on their device and in their dtype."""
        shaped = self.networks.architecture.shaped(self.task.x_train)
        return shaped.to(self.networks.device, self.networks.dtype)

    @property
    def y(self) -> Tensor:
        """Training labels on the networks' device, (N,) int64."""
        return self.task.y_train.to(self.networks.device)

    def train(
        self,
        networks: Networks,
        *,
        from_step: int = 0,
        until: int | None = None,
        masks: Networks | None = None,
        own_order: bool = False,
    ) -> Networks:
        """Train `networks` (one per seed, any width) from `from_step` to `until`, or to the recipe's end.

        From velocity 0, on the same data and in the same minibatch order as the reference networks, or in one
        of its own, which says nothing of theirs. Counted as the scorer's cost.

        Raises `PrunebenchError` where this diverges: what is no number would be ranked as the largest.
        """
        seeds = self.seeds
        if own_order:
            seeds = tuple(int(draw.integers(2**63)) for draw in self.generators())
        state = State(networks, from_step)
        with counted():  # what its curves take is not asked for
            result = run_loop(self.task, self.recipe, state, seeds, masks=masks, until=until)
        count(networks.seeds * result.gradient_steps * self.recipe.batch_size * GRADIENT)
        self.cost.gradient_steps += networks.seeds * result.gradient_steps
        self.cost.seconds += result.seconds
        if not result.final.finite().all():
            raise PrunebenchError("its own training diverged")
        return result.final

    def generators(self, draw: int = 0) -> list[np.random.Generator]:
        """A generator for each network, for scorers that draw numbers: from its seed, the step and `draw`."""
        return [generator(seed, SCORER_STREAM, self.step, draw) for seed in self.seeds]

    def copy(self) -> "Snapshot":
        """The same snapshot in memory of its own, with a cost account of its own."""
        return self.map(Networks.clone, task=self.task.clone(), cost=Cost())

    def tensors(self) -> list[Tensor]:
        """Every tensor in the snapshot: what a scorer must leave as it is."""
        return list(self.named_tensors().values())

    def named_tensors(self) -> dict[str, Tensor]:
        """The same by name: `task.x_train`, `networks.w_in`."""
        parts = {"task": self.task.arrays} | {name: nets.tensors for name, nets in self._moments.items()}
        return {f"{part}.{name}": tensor for part, own in parts.items() for name, tensor in own.items()}

    def network(self, index: int) -> "Snapshot":
        """The snapshot of one network alone (a batch of one), sharing this one's cost account."""
        return self.map(lambda nets: nets.select(index), seeds=self.seeds[index : index + 1])

    def map(self, change: Callable[[Networks], Networks], **others: Any) -> "Snapshot":
        """The snapshot with its networks of every moment changed alike, and with `others` of its fields."""
        moments: dict[str, Any] = {name: change(nets) for name, nets in self._moments.items()}
        return replace(self, **moments, **others)

    @property
    def _moments(self) -> dict[str, Networks]:
        """The networks of every moment, by the field that has them."""
        return {name: nets for name in MOMENTS if (nets := getattr(self, name)) is not None}
