"""Wang, Zhang, Grosse 2020 (GraSP), "Picking Winning Tickets Before Training by Preserving Gradient Flow"."""

from typing import Literal

import torch
from jaxtyping import Float

import prunebench as pb


class Grasp(pb.Scorer):
    """`sum theta (H g)` over a neuron's weights: how much gradient flow is lost without them. Higher = keep.

    `g` is the gradient and `H` the Hessian of the mean loss. `weights`: `both` (default: incoming weights,
    bias and outgoing weights), `incoming` (with the bias) or `outgoing`.

    Deviations: the sign (the paper stores `-theta H g` and removes the highest); the whole training set
    instead of a class-balanced minibatch; no softmax temperature; scores the snapshot's own weights.
    """

    name = "grasp"
    paper = "Wang et al. 2020, GraSP"

    weights: Literal["both", "incoming", "outgoing"] = "both"

    def __post_init__(self) -> None:
        """Refuse an unknown set of weights."""
        if self.weights not in ("both", "incoming", "outgoing"):
            raise pb.RequestError("grasp[weights]", self.weights, "one of both, incoming, outgoing")

    def score_network(self, snapshot: pb.Snapshot) -> Float[torch.Tensor, " neurons"]:
        """Hessian-vector product by double autograd in float64: its terms cancel."""
        networks = snapshot.networks
        x, y = snapshot.x.double(), snapshot.y
        weights = [t[0].detach().double().requires_grad_() for t in networks.tensors]
        w_in, bias, w_out = weights
        loss = torch.nn.functional.cross_entropy(torch.relu(x @ w_in.T + bias) @ w_out.T, y)
        gradient = torch.autograd.grad(loss, weights, create_graph=True)
        products = torch.autograd.grad(gradient, weights, grad_outputs=[g.detach() for g in gradient])
        saliency = pb.Networks(*((t * p).detach()[None] for t, p in zip(weights, products, strict=True)))
        return saliency.neuron_sums(self.weights)[0].to(networks.dtype)
