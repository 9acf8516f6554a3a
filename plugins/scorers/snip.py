"""SNIP: Lee, Ajanthan and Torr 2019, "SNIP: Single-shot Network Pruning based on Connection Sensitivity"."""

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float

import prunebench as pb


@dataclass(frozen=True)
class Snip(pb.Scorer):
    """Connection sensitivity `|theta dL/dtheta|`, summed over a unit's weights.

    `weights` says which: `both` (default: what disappears with the unit, incoming weights, bias and outgoing
    weights), `incoming` (with the bias), `outgoing`, or `gate`: the sensitivity of one gate on the unit,
    `|sum theta dL/dtheta|` over its outgoing weights.

    Deviations: the gradient of the mean loss over the whole training set instead of one minibatch; scores the
    snapshot's own weights (the published code draws new ones first); not normalised over the network;
    biases, and gain and shift of batch normalisation, count with their unit, though the original never prunes
    them.
    """

    name = "snip"
    paper = "Lee et al. 2019, SNIP"

    weights: Literal["both", "incoming", "outgoing", "gate"] = "both"

    def score(self, snapshot: pb.Snapshot) -> Float[torch.Tensor, "seeds neurons"]:
        """Sums of sensitivities; gradients in float64, so that nothing underflows at tiny weights."""
        networks = snapshot.networks
        gradient = networks.gradient(snapshot.x, snapshot.y, torch.float64)
        products = networks.map(torch.mul, gradient)
        if self.weights == "gate":
            sums = products.unit_sums("outgoing").abs()
        else:
            sides = ("incoming", "bias") if self.weights == "incoming" else (self.weights,)
            sums = products.map(torch.abs).unit_sums(*sides)
        return sums.to(networks.dtype)
