"""Gradient norm: the control for every score that is built on gradients."""

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float

import prunebench as pb


@dataclass(frozen=True)
class GradientNorm(pb.Scorer):
    """`|dL/dtheta_i|`, the norm of the gradient over a unit's weights.

    `weights`: `both` (default: how fast the whole unit moves, incoming weights, bias, gain and shift of batch
    normalisation, and outgoing weights), `incoming` (with the bias), `outgoing`, or `gate`: the gradient of
    one gate on the unit, `|sum theta dL/dtheta|` over its outgoing weights, as in SNIP. On the plateau of the
    paper's network GraSP ranks as the square of `both`: the network is 2-homogeneous in each neuron's
    weights, so `H_i theta_i = g_i` and `theta_i.H_i g_i = |g_i|^2`.
    """

    name = "gradient_norm"
    paper = "none: the control for SNIP, GraSP and Taylor"

    weights: Literal["both", "incoming", "outgoing", "gate"] = "both"

    def score(self, snapshot: pb.Snapshot) -> Float[torch.Tensor, "seeds neurons"]:
        """Euclidean norms, of the mean loss over the whole training set."""
        networks = snapshot.networks
        gradient = networks.gradient(snapshot.x, snapshot.y, torch.float64)
        if self.weights == "gate":
            products = networks.map(torch.mul, gradient)
            return products.unit_sums("outgoing").abs().to(networks.dtype)
        sides = ("incoming", "bias") if self.weights == "incoming" else (self.weights,)
        return gradient.map(torch.square).unit_sums(*sides).sqrt().to(networks.dtype)
