"""Random: chance, as the lower control."""

from dataclasses import dataclass

import torch
from jaxtyping import Float

import prunebench as pb


@dataclass(frozen=True)
class Random(pb.Scorer):
    """Independent uniform numbers.

    Drawn from the network's own seed, the step and `draw`: no global random state is read, a network's
    numbers do not depend on the others in its batch, and boards average over several draws.
    """

    name = "random"
    paper = "none: chance, as the lower control"
    stochastic = True

    draw: int = 0

    def __post_init__(self) -> None:
        """Refuse a draw that no generator has."""
        if self.draw < 0:
            raise pb.RequestError("random[draw]", self.draw, "a whole number from 0 up is needed")

    def score(self, snapshot: pb.Snapshot) -> Float[torch.Tensor, "seeds units"]:
        """Numbers in [0, 1)."""
        networks = snapshot.networks
        rows = [torch.from_numpy(draw.random(networks.units)) for draw in snapshot.generators(self.draw)]
        return torch.stack(rows).to(networks.device, networks.dtype)
