"""Magnitude at the snapshot: Frankle et al. 2021, "Pruning Neural Networks at Initialization"."""

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float

import prunebench as pb


@dataclass(frozen=True)
class Magnitude(pb.Scorer):
    """The norm that a unit has already: `|w_i||v_i|` (effective), `|w_i|` (incoming) or `|v_i|` (outgoing).

    The control for every early score: what does it know beyond the present norm? The effective norm is the
    default: a ReLU lets weight move freely between the two sides, and only the product changes the output.
    Where batch normalisation follows, its gain takes the place of `w_i`.

    Deviations: norms of units instead of magnitudes of weights.
    """

    name = "magnitude"
    paper = "Frankle et al. 2021, Pruning Neural Networks at Initialization"

    kind: Literal["effective", "incoming", "outgoing"] = "effective"

    def score(self, snapshot: pb.Snapshot) -> Float[torch.Tensor, "seeds neurons"]:
        """The norm."""
        return snapshot.networks.norms(self.kind)
