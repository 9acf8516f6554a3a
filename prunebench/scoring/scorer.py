"""The one class that a new method implements."""

from abc import ABC
from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from prunebench.training.snapshot import Snapshot


@dataclass(frozen=True)
class Scorer(ABC):
    """Predicts from a snapshot how much each hidden neuron will matter at the end: higher = keep.

    A subclass has a `name`, is a (frozen) dataclass whose fields are its parameters
    (`imp[sparsity=0.5]` on the command line), and overrides `score`, or `score_network` to be handed one
    network at a time.

    Class attributes:
        name: how the command line and the boards call it.
        version: raised whenever the scores change, so that old results are not mixed with new ones.
        paper: where the method comes from, for `prunebench list scorers`.
        stochastic: the scores are drawn; they depend on a field `draw`, and the board averages over several.
        sees_end: `snapshot.final` is filled in. Marked on every board.
    """

    name: ClassVar[str]
    version: ClassVar[str] = "1"
    paper: ClassVar[str] = ""
    stochastic: ClassVar[bool] = False
    sees_end: ClassVar[bool] = False

    def score(self, snapshot: Snapshot) -> Float[Tensor, "seeds neurons"]:
        """Scores of every neuron of every network, on the networks' device and in their dtype."""
        return torch.stack([self.score_network(snapshot.network(i)) for i in range(snapshot.networks.seeds)])

    def score_network(self, snapshot: Snapshot) -> Float[Tensor, " neurons"]:
        """Scores of one network, for those who do not want the seed axis: `snapshot` is a batch of one."""
        raise TypeError(f"{type(self).__name__} overrides neither score nor score_network")

    def signs(self, snapshot: Snapshot) -> Float[Tensor, "seeds neurons"] | None:
        """The predicted sign of `v.u` at the end (+1: class 1), or None if the method predicts none."""
        return None
