"""Growth rate: "It's Not a Lottery, It's a Race", theorem 3.11 and appendix E (equations 78 to 85)."""

from dataclasses import dataclass

import torch
from jaxtyping import Float

import prunebench as pb


@dataclass(frozen=True)
class Growth(pb.Scorer):
    """`R_i = eta |T_i| cos(dtheta_i) cos(psi_i) / (sqrt2 N)`: the rate at which the effective norm grows.

    `d/dt asinh(2u/C) = 2R` with `C = |w|^2 - |v|^2`; `psi_i` is the angle between `v_i` and `c_i
    (1,-1)/sqrt 2`. On the plateau the neurons with the largest rate win the race, if they keep it.

    Deviations: the exact form for `C != 0` and any `psi`; the paper assumes C = 0 and psi = 0.
    """

    name = "growth"
    paper = "It's Not a Lottery, It's a Race (theorem 3.11)"

    def score(self, snapshot: pb.Snapshot) -> Float[torch.Tensor, "seeds neurons"]:
        """R, per step."""
        return pb.theory.growth_rate(snapshot.networks, snapshot.task, snapshot.recipe.flow_rate)
