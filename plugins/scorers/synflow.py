"""SynFlow: Tanaka, Kunin, Yamins and Ganguli 2020, "Pruning neural networks without any data"."""

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float

import prunebench as pb


@dataclass(frozen=True)
class SynFlow(pb.Scorer):
    """Synaptic saliency `theta dR/dtheta`, summed over a unit's weights.

    R is the sum of the outputs for an input of ones, of the network whose numbers have all been replaced by
    their absolute values: `1^T prod |W| 1`, and in the paper's network `1^T |V| (|W| 1 + |b|)`. Batch
    normalisation multiplies by |gain| and adds |shift|; its statistics are those of a new network, mean 0 and
    variance 1, as they are in the published code at initialisation: R looks at no data.

    `weights`: `both` (default: what disappears with the unit, incoming weights, bias and outgoing weights),
    `incoming` (with the bias), `outgoing`, or `gate` (one gate on the unit, the same as `outgoing`).
    Saliency is conserved at a unit: without batch normalisation the incoming sum equals the outgoing one, and
    the choice changes no ranking within a layer.

    Deviations: one shot instead of 100 rounds: with one hidden layer R is a sum over neurons, and pruning one
    leaves the scores of the others as they are; with several it does not. Biases, and gain and shift of batch
    normalisation, enter R as in the published code, and count with their unit, though the published code
    never prunes them.
    """

    name = "synflow"
    paper = "Tanaka et al. 2020, SynFlow"

    weights: Literal["both", "incoming", "outgoing", "gate"] = "both"

    def score(self, snapshot: pb.Snapshot) -> Float[torch.Tensor, "seeds units"]:
        """No data are looked at; float64, since products of tiny weights underflow."""
        networks = snapshot.networks.to(dtype=torch.float64)
        sizes = networks.like({name: _size(name, tensor) for name, tensor in networks.tensors.items()})
        ones = torch.ones_like(snapshot.x[:1])
        flow = sizes.gradient(ones, snapshot.y[:1], loss=lambda logits, _: logits.sum(dim=(1, 2)))
        saliency = sizes.map(torch.mul, flow)
        if self.weights == "incoming":
            return saliency.unit_sums("incoming", "bias").to(snapshot.networks.dtype)
        side = "outgoing" if self.weights == "gate" else self.weights
        return saliency.unit_sums(side).to(snapshot.networks.dtype)


def _size(name: str, tensor: torch.Tensor) -> torch.Tensor:
    """What stands for a tensor in R."""
    match name.rpartition(".")[2]:
        case "running_mean":
            return torch.zeros_like(tensor)
        case "running_var":
            return torch.ones_like(tensor)
        case _:
            return tensor.abs()
