"""Alignment: "It's Not a Lottery, It's a Race", definition 3.3, theorem 3.11 and section 5."""

from dataclasses import dataclass

import torch
from jaxtyping import Float

import prunebench as pb


@dataclass(frozen=True)
class Alignment(pb.Scorer):
    """`-dtheta_i`: the closer a unit points to its target, the faster its norm will grow.

    `dtheta_i = arccos |cos(w_i, dL0/dw_i)|` of the even loss L0 (docs/theory.md). In the paper's network that
    is `angle(w_i, T_i)`, `T_i = c_i sum_{s gated} y_s x_s`, with the orientation `c_i` estimated from the
    neuron's current effective dataset. A unit that gates nothing has the angle pi/2. Of a unit with several
    producers, joined by shortcuts, `w_i` are the weights of all of them.

    Deviations: none; the paper, too, takes the target of the *current* cell.
    """

    name = "alignment"
    paper = "It's Not a Lottery, It's a Race (definition 3.3)"

    def score(self, snapshot: pb.Snapshot) -> Float[torch.Tensor, "seeds neurons"]:
        """Minus the angle in radians, in float64: most of it is near a right angle."""
        networks = snapshot.networks.to(dtype=torch.float64)
        gradient = networks.gradient(snapshot.x, snapshot.y, loss="even")
        along = networks.map(torch.mul, gradient).unit_sums("incoming").abs()
        squares = (each.map(torch.square).unit_sums("incoming") for each in (networks, gradient))
        lengths = torch.stack([square.sqrt() for square in squares]).prod(dim=0)
        cosine = torch.where(lengths > 0, along / lengths, 0.0).clamp(max=1)
        return -torch.arccos(cosine).to(snapshot.networks.dtype)
