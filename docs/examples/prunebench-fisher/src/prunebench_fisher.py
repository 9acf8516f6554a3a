"""Fisher pruning: Theis et al. 2018, "Faster gaze prediction with dense networks and Fisher pruning"."""

from dataclasses import dataclass
from typing import Literal

import torch

import prunebench as pb


@dataclass(frozen=True)
class FisherPruning(pb.Scorer):
    """Half the mean squared effect on the loss: `mean_s (h_i(s) dl_s/dh_i(s))^2 / 2` (equation 8).

    It is the second-order rise of the loss when the unit's activation `h_i` is set to 0, with the Fisher
    information in the place of the Hessian. `labels`: the `given` ones, as in the paper (the empirical
    Fisher), or those that the network itself would draw, `predicted` (the true Fisher).

    Deviations: no term for computational cost, which is the same for all units of a layer.
    """

    name = "fisher_pruning"
    version = "1"
    paper = "Theis et al. 2018, Faster gaze prediction with dense networks and Fisher pruning"

    labels: Literal["given", "predicted"] = "given"

    def score_network(self, snapshot: pb.Snapshot) -> torch.Tensor:
        """Scores of one network's units, (units,)."""
        networks = snapshot.networks.to(dtype=torch.float64)
        x, y = snapshot.x, snapshot.y
        if self.labels == "given":
            squares = networks.gate_gradients(x, y)[0] ** 2
        else:
            predicted = torch.softmax(networks.logits(x)[0], dim=1)
            squares = sum(
                weight[:, None] * networks.gate_gradients(x, torch.full_like(y, label))[0] ** 2
                for label, weight in enumerate(predicted.T)
            )
        return (squares.mean(dim=0) / 2).to(snapshot.networks.dtype)
