"""The seam between what training means and how fast it runs."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from jaxtyping import Float, Int64
from torch import Tensor

from prunebench.networks import Networks, accuracy, cross_entropy
from prunebench.training.recipe import Recipe
from prunebench.training.state import State

# PyTorch's defaults: Adam's second beta, and what is added to its denominator.
ADAM_BETA, ADAM_EPSILON = 0.999, 1e-8


@dataclass(frozen=True, eq=False)
class Problem:
    """What is minimised, and how: the mean cross-entropy, by minibatches (docs/engine.md).

    Attributes:
        x: training inputs as the networks take them, shared by all.
        y: their labels, 0 to C-1.
        orders: minibatches by absolute step; -1 pads a smaller one.
        order_of: which of the orders each network takes. Networks of one order are peers: they share samples.
        recipe: its optimiser, rate, schedule, momentum and weight decay; nothing else of it counts.
        masks: weights that stay exactly 0, or None.
        curve_every: steps from one call of `curves` to the next, for an engine to prepare for; 0: hardly any.
    """

    x: Float[Tensor, "samples ..."]
    y: Int64[Tensor, " samples"]
    orders: Int64[Tensor, "orders steps batch"]
    order_of: Int64[Tensor, " seeds"]
    recipe: Recipe
    masks: Networks | None = None
    curve_every: int = 0

    @property
    def is_plain(self) -> bool:
        """Whether it is SGD with momentum at one learning rate, and nothing more: the paper's training."""
        recipe = self.recipe
        return recipe.optimizer == "sgd" and not recipe.weight_decay and recipe.schedule == "constant"

    def minibatches(self, first: int, last: int) -> Int64[Tensor, "seeds steps batch"]:
        """Each network's minibatches from step `first` up to `last`."""
        return self.orders[self.order_of, first:last]


class Engine(ABC):
    """Carries a batch of networks forward through the steps of a problem.

    Every engine computes what `PlainEngine` does, up to float rounding. It never writes into the state that
    it is made from, which is masked already, lives on the device and in the dtype that it computes in, and
    stays as it is while the engine is used.

    Attributes:
        block: to stop at multiples of so many steps changes nothing, to stop elsewhere changes the rounding.
        side_by_side: whether several engines train at once on a CPU, each on a thread.
    """

    block: int = 1
    side_by_side: bool = False

    def __init__(self, problem: Problem, state: State) -> None:
        self.problem = problem
        self.step = state.step

    @classmethod
    def networks_at_once(cls, problem: Problem, state: State) -> int:
        """How many networks one engine is good for, at least one; `choose` makes several where it must."""
        return state.networks.seeds

    @abstractmethod
    def advance(self, step: int) -> None:
        """Train until `step` steps have been taken in all."""

    @abstractmethod
    def state(self) -> State:
        """The current state; later training does not change it."""

    def curves(self) -> tuple[Float[Tensor, " seeds"], Float[Tensor, " seeds"]]:
        """Mean loss and accuracy of each network over the whole training set."""
        logits = self._logits()
        return cross_entropy(logits, self.problem.y), accuracy(logits, self.problem.y).to(logits.dtype)

    def _logits(self) -> Float[Tensor, "seeds samples outputs"]:
        """Of each network on the whole training set."""
        return self.state().networks.logits(self.problem.x)
