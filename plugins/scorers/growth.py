"""Growth rate: "It's Not a Lottery, It's a Race", theorem 3.11 and appendix E (equations 78 to 85)."""

from dataclasses import dataclass

import torch
from jaxtyping import Float

import prunebench as pb


@dataclass(frozen=True)
class Growth(pb.Scorer):
    """`R_i = -eta w_i.g_i / (|w_i||v_i|)`: the rate at which the effective norm grows, by the even loss.

    `g_i` is the even loss's gradient by the incoming weights (docs/theory.md): on the plateau, where all
    classes are as likely as the others, it is the loss's own. In the paper's network R is `eta |T_i|
    cos(dtheta_i) cos(psi_i) / (sqrt2 N)`, `psi_i` the angle between `v_i` and `c_i (1,-1)/sqrt 2`. The law
    `d/dt asinh(2u/C) = 2R` with `C = |w|^2 - |v|^2` holds for a ReLU unit of any network as long as biases
    are small: scaling `w_i` up and `v_i` down changes no output, so gradient flow conserves C. The units with
    the largest rate win the race, if they keep it.

    Where batch normalisation follows, its gain takes the place of `w_i`, as it does in the effective norm.

    Deviations: the exact form for `C != 0` and any `psi`; the paper assumes C = 0 and psi = 0.
    """

    name = "growth"
    paper = "It's Not a Lottery, It's a Race (theorem 3.11)"

    def score(self, snapshot: pb.Snapshot) -> Float[torch.Tensor, "seeds units"]:
        """R, per step; 0 for units without weights."""
        networks = snapshot.networks.to(dtype=torch.float64)
        gradient = networks.gradient(snapshot.x, snapshot.y, loss="even")
        pulls = networks.map(torch.mul, gradient)
        rows = []
        for layer in networks.layers:
            parts = layer.of("scale") or layer.of("incoming")
            own = [part.by_unit(pulls[part.tensor]).sum(dim=2) for part in parts]
            rows.append(torch.stack(own).sum(dim=0))
        norms = networks.norms()
        rate = -snapshot.recipe.flow_rate * torch.cat(rows, dim=1) / torch.where(norms > 0, norms, 1.0)
        return torch.where(norms > 0, rate, 0.0).to(snapshot.networks.dtype)
