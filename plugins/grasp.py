"""Wang, Zhang, Grosse 2020 (GraSP), "Picking Winning Tickets Before Training by Preserving Gradient Flow"."""

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float

import prunebench as pb


@dataclass(frozen=True)
class Grasp(pb.Scorer):
    """`sum theta (H g)` over a neuron's weights: how much gradient flow is lost without them. Higher = keep.

    `g` is the gradient and `H` the Hessian of the mean loss. `weights`: `both` (default: what disappears with
    the neuron, incoming weights, bias and outgoing weights), `incoming` (with the bias), `outgoing`, or
    `gate`: the effect of scaling the neuron's activation down, which is the same as `incoming`, because this
    score is linear in the weights.

    Deviations: the sign (the paper stores `-theta H g` and removes the highest); the whole training set
    instead of a class-balanced minibatch; no softmax temperature (200 in the published code); scores the
    snapshot's own weights (the published code draws new ones first); biases count with their neuron.
    """

    name = "grasp"
    paper = "Wang et al. 2020, GraSP"

    weights: Literal["both", "incoming", "outgoing", "gate"] = "both"

    def __post_init__(self) -> None:
        """Refuse an unknown set of weights."""
        if self.weights not in ("both", "incoming", "outgoing", "gate"):
            raise pb.RequestError("grasp[weights]", self.weights, "one of both, incoming, outgoing, gate")

    def score_network(self, snapshot: pb.Snapshot) -> Float[torch.Tensor, " neurons"]:
        """Hessian-vector product by double autograd in float64: its terms cancel."""
        networks = snapshot.networks
        x, y = snapshot.x.double(), snapshot.y
        weights = [t[0].detach().double().clone().requires_grad_() for t in networks.tensors]
        w_in, bias, w_out = weights
        with torch.enable_grad():
            loss = torch.nn.functional.cross_entropy(torch.relu(x @ w_in.T + bias) @ w_out.T, y)
            gradient = torch.autograd.grad(loss, weights, create_graph=True)
            products = torch.autograd.grad(gradient, weights, grad_outputs=[g.detach() for g in gradient])
        saliency = pb.Networks(*((t * p).detach()[None] for t, p in zip(weights, products, strict=True)))
        weights_of = "incoming" if self.weights == "gate" else self.weights
        return saliency.neuron_sums(weights_of)[0].to(networks.dtype)
