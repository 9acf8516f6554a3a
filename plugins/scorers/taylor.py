"""Taylor: Molchanov et al. 2017, "Pruning Convolutional Neural Networks for Resource Efficient Inference"."""

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float

import prunebench as pb


@dataclass(frozen=True)
class Taylor(pb.Scorer):
    """First-order change of the loss when the unit's activation `h_i` is set to 0.

    `per=sample` (default, the paper's): `mean_s |h_i(s) dl_s/dh_i(s)|`, where the effects at all positions of
    an image are added up before the absolute value is taken. `per=batch`: `|mean_s h_i(s) dl_s/dh_i(s)|`,
    which is `snip[weights=gate]` and the square root of the gate form of Molchanov et al. 2019. Per sample, a
    unit that helps some samples as much as it harms others is not taken for useless. SNIP has the forms over
    single weights; here there is the gate's only.

    Deviations: sums over positions instead of means, and no normalisation by layer, which change no rank
    within a layer; the whole training set.
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
