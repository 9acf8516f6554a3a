"""Taylor: Molchanov et al. 2017, "Pruning Convolutional Neural Networks for Resource Efficient Inference"."""

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float

import prunebench as pb


@dataclass(frozen=True)
class Taylor(pb.Scorer):
    """First-order change of the loss when the neuron's activation `h_i` is set to 0.

    `per=sample` (default, the paper's): `mean_s |h_i(s) dl_s/dh_i(s)|`. `per=batch`: `|mean_s h_i(s)
    dl_s/dh_i(s)|`, which by homogeneity is `snip[weights=gate]` and the square root of the gate form of
    Molchanov et al. 2019. Per sample, a neuron that helps some samples as much as it harms others is not
    taken for useless. SNIP has the forms over single weights; here there is the gate's only.

    Deviations: no normalisation by layer (there is one); the whole training set.
    """

    name = "taylor"
    paper = "Molchanov et al. 2017, Pruning CNNs for Resource Efficient Inference"

    per: Literal["sample", "batch"] = "sample"

    def score_network(self, snapshot: pb.Snapshot) -> Float[torch.Tensor, " units"]:
        """In float64: the terms of a batch cancel."""
        networks = snapshot.networks.to(dtype=torch.float64)
        effect = networks.gate_gradients(snapshot.x, snapshot.y)[0]
        importance = effect.abs().mean(dim=0) if self.per == "sample" else effect.mean(dim=0).abs()
        return importance.to(snapshot.networks.dtype)
