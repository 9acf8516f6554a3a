"""The one class that a new method implements."""

from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from prunebench.networks import Networks
from prunebench.plugin.plugin import Plugin, changed
from prunebench.tasks.task import Task
from prunebench.training.snapshot import Snapshot


class Scorer(Plugin):
    """Predicts from a snapshot how much each hidden unit will matter at the end: higher = keep.

    A subclass has a `name`, is a dataclass whose fields are its parameters (`imp[sparsity=0.5]` on the
    command line; frozen or not is its own choice, and the decorator may be left out), and overrides `score`,
    or `score_network` to be handed one network at a time.

    Class attributes, beside the `name`, `version` and `paper` of every `Plugin`:
        stochastic: the scores are drawn; they depend on a field `draw`, and the board averages over several.
        board_draws: over how many; fewer for one whose draws are dear and averages of their own.
        sees_end: `snapshot.final` is filled in. Marked on every board.
    """

    stochastic: ClassVar[bool] = False
    board_draws: ClassVar[int] = 10
    sees_end: ClassVar[bool] = False

    @property
    def initial_only(self) -> bool:
        """Whether it looks at the initial weights alone: it is then asked once, at step 0, for every step.

        For scorers that train.
        """
        return False

    @property
    def twins(self) -> int:
        """How many twins of the networks it is to be handed: it is asked once for each, as `snapshot.twin`.

        The benchmark trains them from the snapshot, and their training counts as the scorer's cost. It then
        sees the end too, if not of these networks: `sees_end` belongs to it.
        """
        return 0

    def unfit(self, networks: Networks, task: Task) -> str | None:
        """Why it cannot score networks like these, or those of this task, on one line; None where it can.

        Asked once, before any training: only the architecture and the task count, not what the weights are.
        Naming it for such a network is then refused, and in a sweep it is a row "unfit"; nothing is trained
        for it. What is unfit is not asked for scores.
        """
        return None

    def score(self, snapshot: Snapshot) -> Float[Tensor, "seeds units"]:
        """Scores of every unit of every network, layer after layer, on the networks' device.

        A numpy array is taken too. Gradients are dropped, and floating numbers become the networks' own.
        """
        return torch.stack([self.score_network(snapshot.network(i)) for i in range(snapshot.networks.seeds)])

    def score_network(self, snapshot: Snapshot) -> Float[Tensor, " units"]:
        """Scores of one network, for those who do not want the seed axis: `snapshot` is a batch of one."""
        raise TypeError(f"{type(self).__name__} overrides neither score nor score_network")

    def signs(self, snapshot: Snapshot) -> Float[Tensor, "seeds units"] | None:
        """The predicted sign of `v.u` at the end (+1: class 1), or None if the method predicts none.

        In shallow networks of two classes alone.
        """
        return None


def drawn(scorer: Scorer, draw: int) -> Scorer:
    """The scorer with another draw; itself, where nothing is drawn."""
    return changed(scorer, draw=draw) if scorer.stochastic else scorer
