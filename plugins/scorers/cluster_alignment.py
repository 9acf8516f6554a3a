"""Cluster-aware alignment: "It's Not a Lottery, It's a Race", sections 4 and 5 (figures 1 and 5)."""

from dataclasses import dataclass
from typing import Annotated, Literal

import torch
from jaxtyping import Float
from msgspec import Meta

import prunebench as pb


@dataclass(frozen=True)
class ClusterAlignment(pb.Scorer):
    """Rank of the alignment within the neuron's own group, from 0 to 1.

    The race is run within groups, so a neuron is compared with its rivals only, and the best of every group
    gets 1. Groups:

    - `orientation` (default): the neurons of equal orientation `c_i`: two groups;
    - `cosine`: groups of cosine >= `threshold` and equal orientation. Groups smaller than `minimum` are
      pooled by orientation: alone in its group, a neuron would get the top rank for free.

    Equal angles share their mean rank. Neurons that gate nothing turn to neither class: they have no rivals
    and stay below all others, at 0.

    Deviations: the paper's clusters are those at the end of training; a predictor has those of its snapshot.
    """

    name = "cluster_alignment"
    # In 1 neurons that gate nothing were rivals of those of orientation -1; in 2 the best of them got 1, too.
    version = "3"
    paper = "It's Not a Lottery, It's a Race (sections 4, 5)"

    groups: Literal["orientation", "cosine"] = "orientation"
    threshold: Annotated[float, Meta(title="a cosine", gt=0, le=1)] = 0.95
    minimum: Annotated[int, Meta(ge=1)] = 10

    def unfit(self, networks: pb.Networks, task: pb.Task) -> str | None:
        """Without two classes there is no orientation, and without the shallow network no cell."""
        if networks.architecture.name != "shallow" or task.outputs != 2:
            return "orientations are of the shallow network with two classes"
        return None

    def score(self, snapshot: pb.Snapshot) -> Float[torch.Tensor, "seeds neurons"]:
        """Normalised ranks, 1 for the best aligned of each group."""
        networks, task = snapshot.networks, snapshot.task
        orientation = pb.theory.orientation(networks, task).long()
        labels = orientation + 1
        if self.groups == "cosine":
            fine = pb.theory.groups(networks, task, self.threshold)
            for own, pooled in zip(fine, labels, strict=True):
                large = torch.bincount(own)[own] >= self.minimum
                pooled[large] = 3 + own[large]
        ranks = pb.theory.rank_within(-pb.theory.alignment_angle(networks, task), labels)
        return torch.where(orientation == 0, 0.0, ranks)
