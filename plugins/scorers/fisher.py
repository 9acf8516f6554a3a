"""Fisher pruning: Theis et al. 2018, "Faster gaze prediction with dense networks and Fisher pruning"."""

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float

import prunebench as pb


@dataclass(frozen=True)
class Fisher(pb.Scorer):
    """How much the loss rises, to second order, without the unit: the Fisher matrix stands for the Hessian.

    `weights=gate` (default, the paper's, and that of Liu et al. 2021, "Group Fisher Pruning"): of a gate on
    the unit, `mean_s (h_i(s) dl_s/dh_i(s))^2 / 2`, with the effects at all positions of an image added up
    before they are squared. `both`, `incoming` (with the bias) and `outgoing`: of each of the unit's numbers
    alone, `sum theta^2 mean_s (dl_s/dtheta)^2 / 2`, the empirical Fisher matrix's diagonal in Optimal Brain
    Damage.

    Deviations: no term for computational cost, which is the same for all units of a layer; the whole training
    set.
    """

    name = "fisher"
    paper = "Theis et al. 2018, Fisher pruning"

    weights: Literal["both", "incoming", "outgoing", "gate"] = "gate"

    def score(self, snapshot: pb.Snapshot) -> Float[torch.Tensor, "seeds units"]:
        """In float64: squares of tiny gradients underflow."""
        networks = snapshot.networks.to(dtype=torch.float64)
        if self.weights == "gate":
            sums = networks.gate_gradients(snapshot.x, snapshot.y).square().mean(dim=1)
        else:
            squares = networks.fisher_diagonal(snapshot.x, snapshot.y)
            sides = ("incoming", "bias") if self.weights == "incoming" else (self.weights,)
            sums = networks.map(lambda theta, square: theta**2 * square, squares).unit_sums(*sides)
        return (sums / 2).to(snapshot.networks.dtype)
