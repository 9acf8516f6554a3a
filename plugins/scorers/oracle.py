"""Oracle: what a unit was worth in the end. No predictor, but the truth of the correlations."""

from dataclasses import dataclass

import torch
from jaxtyping import Float

import prunebench as pb
from prunebench.evaluation.truths import Truth, truth


@dataclass(frozen=True)
class Oracle(pb.Scorer):
    """`u_i = |w_i||v_i|` at the end of training: the one scorer that sees it, marked on every board.

    Where batch normalisation follows, its gain takes the place of `w_i`. Every correlation of it is 1. Of
    accuracies it is no upper bound: few neurons of the largest norms may all speak for one class. On CIFAR-10
    (gray, 200 samples), 5 % kept, it reaches 52.3 %, random neurons 55.4 % and the growing mode of the
    initial weights 57.5 %.

    `truth` takes another one in the norm's place: `growth`, `contribution`, `ablation` (docs/protocols.md).
    Its correlation is then the agreement of the two truths, its accuracies what is left when units are
    chosen by it.
    """

    name = "oracle"
    paper = "none: the truth that scores are correlated with"
    sees_end = True

    truth: Truth = "norm"

    def score(self, snapshot: pb.Snapshot) -> Float[torch.Tensor, "seeds neurons"]:
        """The final effective norm, or another truth."""
        if snapshot.final is None:
            raise pb.RequestError("oracle", None, "a snapshot with its final networks is needed")
        return truth(self.truth, snapshot.final, snapshot.initial, snapshot.task)
