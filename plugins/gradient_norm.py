"""Gradient norm: the control for every score that is built on gradients."""

from typing import Literal

import torch
from jaxtyping import Float

import prunebench as pb


class GradientNorm(pb.Scorer):
    """`|dL/dtheta_i|`, the norm of the gradient over a neuron's weights.

    `weights`: `both` (default: incoming weights, bias and outgoing weights), `incoming` (with the bias) or
    `outgoing`. On the plateau GraSP equals its square: the network is 2-homogeneous in each neuron's
    weights, so `H_i theta_i = g_i` and `theta_i.H_i g_i = |g_i|^2`.
    """

    name = "gradient_norm"
    paper = "none: the control for SNIP, GraSP and Taylor"

    weights: Literal["both", "incoming", "outgoing"] = "both"

    def __post_init__(self) -> None:
        """Refuse an unknown set of weights."""
        if self.weights not in ("both", "incoming", "outgoing"):
            raise pb.RequestError("gradient_norm[weights]", self.weights, "one of both, incoming, outgoing")

    def score(self, snapshot: pb.Snapshot) -> Float[torch.Tensor, "seeds neurons"]:
        """Euclidean norms, of the mean loss over the whole training set."""
        gradient = snapshot.networks.gradient(snapshot.x, snapshot.y, torch.float64)
        squares = pb.Networks(*(t.square() for t in gradient.tensors))
        return squares.neuron_sums(self.weights).sqrt().to(snapshot.networks.dtype)
