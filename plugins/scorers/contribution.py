"""Contribution: how much a unit's activation varies, times what reads it; a baseline without labels."""

from dataclasses import dataclass

import torch
from jaxtyping import Float

import prunebench as pb
from prunebench.networks.contribution import contributions


@dataclass(frozen=True)
class Contribution(pb.Scorer):
    """`std(h_i)|v_i|`, h_i the activation that the next layer reads, over the training inputs and positions.

    A forward pass, no gradients and no labels: what SNIP or Taylor have above it at initialisation is what
    they learnt from the task.
    """

    name = "contribution"
    paper = "prunebench; docs/protocols.md"

    def score(self, snapshot: pb.Snapshot) -> Float[torch.Tensor, "seeds units"]:
        """At the snapshot."""
        return contributions(snapshot.networks, snapshot.x)
