"""Oracle: the final effective norm itself. No predictor; the best that any can be."""

from dataclasses import dataclass

import torch
from jaxtyping import Float

import prunebench as pb


@dataclass(frozen=True)
class Oracle(pb.Scorer):
    """`u_i = |w_i||v_i|` at the end of training: the one scorer that sees it, marked on every board."""

    name = "oracle"
    paper = "none: the truth, as the upper control"
    sees_end = True

    def score(self, snapshot: pb.Snapshot) -> Float[torch.Tensor, "seeds neurons"]:
        """The final effective norm."""
        if snapshot.final is None:
            raise pb.RequestError("oracle", None, "a snapshot with its final networks is needed")
        return snapshot.final.norms("effective")
