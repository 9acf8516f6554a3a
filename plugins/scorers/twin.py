"""Twin: the same networks trained on from the snapshot in another minibatch order. No predictor."""

from dataclasses import dataclass
from typing import Annotated

import torch
from jaxtyping import Float
from msgspec import Meta

import prunebench as pb
from prunebench.evaluation.truths import Truth, truth


@dataclass(frozen=True)
class Twin(pb.Scorer):
    """The final effective norms of a twin; their correlation with the network's own is the reliability r.

    A predictor that knew all that the snapshot holds, and not the minibatches to come, would reach about
    `sqrt(r)`: the noise ceiling (docs/protocols.md). It costs the rest of the training, once for each of the
    twins, whose correlations are averaged. With another `truth` (see `oracle`), the correlation with that
    truth is its reliability.
    """

    name = "twin"
    paper = "none: test-retest reliability (Spearman 1904)"
    sees_end = True

    truth: Truth = "norm"
    twins: Annotated[int, Meta(ge=1, le=10)] = 1

    def score(self, snapshot: pb.Snapshot) -> Float[torch.Tensor, "seeds units"]:
        """The twin's final effective norm, or another truth."""
        if snapshot.twin is None:
            raise pb.RequestError("twin", None, "a snapshot with a twin of its networks is needed")
        return truth(self.truth, snapshot.twin, snapshot.initial, snapshot.task)
