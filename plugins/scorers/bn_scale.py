"""Liu et al. 2017, "Learning Efficient Convolutional Networks through Network Slimming"."""

from dataclasses import dataclass

import torch
from jaxtyping import Float

import prunebench as pb


@dataclass(frozen=True)
class BNScale(pb.Scorer):
    """`|gamma_i|`: the gain of the batch normalisation that follows the unit.

    Units with several producers, joined by shortcuts, have several gains: the length of all of them. In
    layers without normalisation the length of the incoming weights, for which the gain otherwise stands,
    takes its place. All gains of a network that PyTorch has just built are 1: at step 0 there is nothing to
    rank.

    Deviations: no penalty on the gains in training, which the paper has to make them sparse: reference
    networks are trained as they are for every scorer.
    """

    name = "bn_scale"
    paper = "Liu et al. 2017, Network Slimming"

    def unfit(self, networks: pb.Networks, task: pb.Task) -> str | None:
        """It needs gains."""
        if not any(layer.of("scale") for layer in networks.layers):
            return "the network has no batch normalisation"
        return None

    def score(self, snapshot: pb.Snapshot) -> Float[torch.Tensor, "seeds units"]:
        """The absolute gain."""
        return snapshot.networks.norms("incoming")
