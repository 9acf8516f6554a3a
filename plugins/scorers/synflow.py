"""SynFlow: Tanaka, Kunin, Yamins and Ganguli 2020, "Pruning neural networks without any data"."""

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float

import prunebench as pb


@dataclass(frozen=True)
class SynFlow(pb.Scorer):
    """Synaptic saliency `theta dR/dtheta` of `R = 1^T |V| (|W| 1 + |b|)`, summed over a neuron's weights.

    `weights`: `both` (default: what disappears with the neuron, incoming weights, bias and outgoing weights),
    `incoming` (with the bias), `outgoing`, or `gate` (one gate on the neuron, the same as `incoming`).
    Saliency is conserved at a neuron, so the incoming sum equals the outgoing one and the choice changes no
    ranking.

    Deviations: one shot instead of 100 rounds: R is a sum over neurons, so pruning one leaves the scores of
    the others as they are. Biases enter R by their absolute value, as in the published code, and count with
    their neuron, though the published code never prunes them.
    """

    name = "synflow"
    paper = "Tanaka et al. 2020, SynFlow"

    weights: Literal["both", "incoming", "outgoing", "gate"] = "both"

    def score(self, snapshot: pb.Snapshot) -> Float[torch.Tensor, "seeds units"]:
        """No data are looked at; float64, since products of tiny weights underflow."""
        sizes = snapshot.networks.to(dtype=torch.float64).map(torch.abs)
        ones = torch.ones_like(snapshot.x[:1])
        flow = sizes.gradient(ones, snapshot.y[:1], loss=lambda logits, _: logits.sum(dim=(1, 2)))
        sides = (self.weights,) if self.weights in ("both", "outgoing") else ("incoming", "bias")
        return sizes.map(torch.mul, flow).unit_sums(*sides).to(snapshot.networks.dtype)
