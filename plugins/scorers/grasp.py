"""Wang, Zhang, Grosse 2020 (GraSP), "Picking Winning Tickets Before Training by Preserving Gradient Flow"."""

from dataclasses import dataclass
from typing import Annotated, Literal

import torch
from jaxtyping import Float
from msgspec import Meta

import prunebench as pb


@dataclass(frozen=True)
class Grasp(pb.Scorer):
    """`sum theta (H g)` over a unit's weights: how much gradient flow is lost without them. Higher = keep.

    `g` is the gradient and `H` the Hessian of the mean cross-entropy of `logits / temperature`, over all that
    is trained. `weights` says which of a unit's products are added up: `both` (default: what disappears with
    the unit, incoming weights, bias and outgoing weights), `incoming` (with the bias), `outgoing`, or `gate`:
    the effect of scaling the unit's activation down, which is the same as `incoming`, because this score is
    linear in the weights.

    `temperature`: 200, as in the authors' code and in Synaptic-Flow's. It keeps the softmax near even
    chances, so that the loss's own curvature, which takes over once the loss falls, has no say; on the
    plateau it changes no rank. `temperature=1` is the paper's formula as printed.

    Deviations: the sign (the paper stores `-theta H g` and removes the highest); the whole training set
    instead of a class-balanced minibatch; scores the snapshot's own weights (the published code draws new
    ones first); biases, and gain and shift of batch normalisation, are in g and H like any weight, and the
    hidden ones count with their unit, where both published codes take g and H over weights alone and prune
    nothing else.
    """

    name = "grasp"
    version = "2"  # 1 had no temperature
    paper = "Wang et al. 2020, GraSP"

    weights: Literal["both", "incoming", "outgoing", "gate"] = "both"
    temperature: Annotated[float, Meta(gt=0)] = 200.0

    def score(self, snapshot: pb.Snapshot) -> Float[torch.Tensor, "seeds units"]:
        """In float64: the terms of the product cancel."""
        networks = snapshot.networks.to(dtype=torch.float64)
        x, y, temperature = snapshot.x, snapshot.y, self.temperature
        gradient = networks.gradient(x, y, temperature=temperature)
        product = networks.hessian_vector_product(gradient, x, y, temperature=temperature)
        sides = (self.weights,) if self.weights in ("both", "outgoing") else ("incoming", "bias")
        return networks.map(torch.mul, product).unit_sums(*sides).to(snapshot.networks.dtype)
