"""Lookahead: ours; the effective norm after a few large steps, in which gates move (docs/theory.md)."""

from dataclasses import dataclass
from typing import Annotated

import torch
from jaxtyping import Float
from msgspec import Meta

import prunebench as pb
from prunebench.networks.normalisation import recalibrated


@dataclass(frozen=True)
class Lookahead(pb.Scorer):
    """`u_i = |w_i||v_i|` after `steps` steps `p -= c |p|/|g| g` on every weight tensor p.

    Each step turns a tensor by as much as `c` times its own length, along the gradient g of the cross-entropy
    over `samples` training samples (spread evenly over the training set): large enough that units leave the
    cell they start in, which the growing mode, linearised in that cell, cannot foresee. Two steps are as good
    as any, three overshoot; `c` from 0.5 to 2 makes little difference.

    Weight tensors are those that have incoming or outgoing weights of units, and the gains of batch
    normalisation, whose running statistics are estimated again after each step; biases stay.
    """

    name = "lookahead"
    paper = "prunebench; after It's Not a Lottery, It's a Race"

    c: Annotated[float, Meta(gt=0, le=1000)] = 1.0
    steps: Annotated[int, Meta(ge=1, le=1000)] = 2
    samples: Annotated[int, Meta(ge=1)] = 300

    def score(self, snapshot: pb.Snapshot) -> Float[torch.Tensor, "seeds units"]:
        """The norm, in float64."""
        networks = snapshot.networks.to(dtype=torch.float64)
        count = min(self.samples, len(snapshot.x))
        spread = torch.arange(count, device=networks.device) * len(snapshot.x) // count
        x, y = snapshot.x[spread], snapshot.y[spread]
        gains = {part.tensor for layer in networks.layers for part in layer.of("scale")}
        moving = {*networks.architecture.weights, *gains}
        for _ in range(self.steps):
            gradient = networks.gradient(x, y)
            moved = {
                name: self._moved(tensor, gradient[name]) if name in moving else tensor
                for name, tensor in networks.tensors.items()
            }
            networks = recalibrated(networks.like(moved), x)
        return networks.norms().to(snapshot.networks.dtype)

    def _moved(self, tensor: torch.Tensor, gradient: torch.Tensor) -> torch.Tensor:
        """One step of each network; a tensor that nothing pulls at stays."""
        lengths, pulls = (each.flatten(1).norm(dim=1) for each in (tensor, gradient))
        factors = self.c * torch.where(pulls > 0, lengths / torch.where(pulls > 0, pulls, 1.0), 0.0)
        return tensor - factors.reshape(-1, *[1] * (tensor.ndim - 1)) * gradient
