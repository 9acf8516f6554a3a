"""Gollini et al. 2025, "What Scalable Second-Order Information Knows for Pruning at Initialization"."""

from dataclasses import dataclass
from typing import Annotated, Literal

import torch
from jaxtyping import Float
from msgspec import Meta

import prunebench as pb


@dataclass(frozen=True)
class Hutchinson(pb.Scorer):
    """Optimal Brain Damage, `sum theta^2 diag(H) / 2` over a unit's numbers, by Hutchinson's estimator.

    `diag(H) = E[z * H z]` for vectors z of random signs, H the Hessian of the mean cross-entropy over the
    training set: the mean over `vectors` of them, each of which costs a Hessian-vector product. They are
    drawn from the network's own seed, the step and `draw`. `weights`: `both` (default: what disappears with
    the unit), `incoming` (with the bias) or `outgoing`.

    A network of ReLU units is piecewise linear in any single weight, so the diagonal is never negative; its
    estimate may be, and is left as it is.

    Deviations: sums over units instead of single weights; biases, and gain and shift of batch normalisation,
    count with their unit.
    """

    name = "hutchinson"
    paper = "Gollini et al. 2025, Scalable Second-Order Information"
    stochastic = True
    board_draws = 1  # its `vectors` are averaged over already, and each costs a Hessian-vector product

    vectors: Annotated[int, Meta(ge=1, le=10_000)] = 10
    weights: Literal["both", "incoming", "outgoing"] = "both"
    draw: Annotated[int, Meta(ge=0)] = 0

    def score(self, snapshot: pb.Snapshot) -> Float[torch.Tensor, "seeds units"]:
        """In float64: the terms of a product cancel."""
        networks = snapshot.networks.to(dtype=torch.float64)
        generators = snapshot.generators(self.draw)

        def random_signs(tensor: torch.Tensor) -> torch.Tensor:
            bits = [torch.from_numpy(draw.integers(0, 2, tensor.shape[1:])) for draw in generators]
            return torch.stack(bits).to(tensor) * 2 - 1

        diagonal = networks.trained.zeros_like()
        for _ in range(self.vectors):
            signs = networks.trained.map(random_signs)
            product = networks.hessian_vector_product(signs, snapshot.x, snapshot.y)
            estimate = signs.map(torch.mul, product)
            diagonal = diagonal.map(lambda total, new: total + new / self.vectors, estimate)
        sides = ("incoming", "bias") if self.weights == "incoming" else (self.weights,)
        saliency = networks.map(lambda theta, curvature: theta**2 * curvature / 2, diagonal)
        return saliency.unit_sums(*sides).to(snapshot.networks.dtype)
