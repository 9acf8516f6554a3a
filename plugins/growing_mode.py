"""Growing mode: ours; the race of "It's Not a Lottery, It's a Race" (appendix E), linearised in a cell."""

from dataclasses import dataclass

import torch
from jaxtyping import Float

import prunebench as pb


@dataclass(frozen=True)
class GrowingMode(pb.Scorer):
    """`|a + q| |T+|`: the amplitude of the mode that grows, times its rate.

    With `a = v.u`, `u = (1,-1)/sqrt 2`, `T+ = sum_{gated} y_s x_s` and `q = w.T+/|T+|`, a neuron inside its
    cell obeys `da/dt = lambda q`, `dq/dt = lambda a`, `lambda = eta |T+|/(sqrt2 N)`: `a + q` grows like
    `exp(lambda t)` and `a - q` decays. `sign(a + q)` predicts the final output sign. Unlike the angle this
    knows the outgoing weights, which decide the race at initialisation.

    With `within_signs` neurons are ranked within the groups of equal predicted sign: two, and neurons without
    any weights, whose sign is 0, are a third.
    """

    name = "growing_mode"
    version = "2"  # in 1 `within_signs` ranked neurons of sign 0 among the negative ones
    paper = "prunebench; after It's Not a Lottery, It's a Race (appendix E)"

    within_signs: bool = False

    def score(self, snapshot: pb.Snapshot) -> Float[torch.Tensor, "seeds neurons"]:
        """The amplitude, or its rank within the sign group."""
        amplitude, sign = pb.theory.growing_mode(snapshot.networks, snapshot.task)
        return pb.theory.rank_within(amplitude, sign.long()) if self.within_signs else amplitude

    def signs(self, snapshot: pb.Snapshot) -> Float[torch.Tensor, "seeds neurons"]:
        """Sign of `a + q`."""
        return pb.theory.growing_mode(snapshot.networks, snapshot.task)[1]
