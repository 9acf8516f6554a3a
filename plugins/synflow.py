"""SynFlow: Tanaka, Kunin, Yamins and Ganguli 2020, "Pruning neural networks without any data"."""

from typing import Literal

import torch
from jaxtyping import Float

import prunebench as pb


class SynFlow(pb.Scorer):
    """Synaptic saliency `theta dR/dtheta` of `R = 1^T |V| (|W| 1 + |b|)`, summed over a neuron's weights.

    `weights`: `both` (default: incoming weights, bias and outgoing weights), `incoming` (with the bias) or
    `outgoing`. Saliency is conserved at a neuron, so the incoming sum equals the outgoing one and the choice
    changes no ranking.

    Deviations: one shot instead of 100 rounds, since no neuron is removed while scores are compared. Biases
    enter R by their absolute value, as in the published code.
    """

    name = "synflow"
    paper = "Tanaka et al. 2020, SynFlow"

    weights: Literal["both", "incoming", "outgoing"] = "both"

    def __post_init__(self) -> None:
        """Refuse an unknown set of weights."""
        if self.weights not in ("both", "incoming", "outgoing"):
            raise pb.RequestError("synflow[weights]", self.weights, "one of both, incoming, outgoing")

    def score(self, snapshot: pb.Snapshot) -> Float[torch.Tensor, "seeds neurons"]:
        """No data are looked at; float64, since products of tiny weights underflow."""
        w_in, bias, w_out = (t.double().abs() for t in snapshot.networks.tensors)
        arriving = w_in.sum(dim=2) + bias
        leaving = w_out.sum(dim=1)
        saliency = pb.Networks(w_in * leaving[:, :, None], bias * leaving, w_out * arriving[:, None, :])
        return saliency.neuron_sums(self.weights).to(snapshot.networks.dtype)
