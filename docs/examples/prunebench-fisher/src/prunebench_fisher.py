"""Fisher pruning: Theis et al. 2018, "Faster gaze prediction with dense networks and Fisher pruning"."""

from dataclasses import dataclass
from typing import Literal

import torch

import prunebench as pb


@dataclass(frozen=True)
class Fisher(pb.Scorer):
    """Half the mean squared effect on the loss: `mean_s (h_i(s) dl_s/dh_i(s))^2 / 2` (equation 8).

    It is the second-order rise of the loss when the neuron's activation `h_i` is set to 0, with the Fisher
    information in the place of the Hessian. `labels`: the `given` ones, as in the paper (the empirical
    Fisher), or those that the network itself would draw, `predicted` (the true Fisher).

    Deviations: no term for computational cost, which is the same for all neurons here.
    """

    name = "fisher"
    version = "1"
    paper = "Theis et al. 2018, Faster gaze prediction with dense networks and Fisher pruning"

    labels: Literal["given", "predicted"] = "given"

    def score_network(self, snapshot: pb.Snapshot) -> torch.Tensor:
        """Scores of one network's neurons, (neurons,)."""
        networks = snapshot.networks.to(dtype=torch.float64)
        hidden = torch.relu(networks.pre_activations(snapshot.x)[0])
        predicted = torch.softmax(hidden @ networks.w_out[0].T, dim=1)
        given = torch.nn.functional.one_hot(snapshot.y, networks.outputs).to(predicted)
        weights = given if self.labels == "given" else predicted
        squared = torch.zeros_like(hidden)
        for label, weight in enumerate(weights.T):
            residual = predicted - torch.eye(networks.outputs).to(predicted)[label]
            effect = hidden * (residual @ networks.w_out[0])
            squared += weight[:, None] * effect**2
        return (squared.mean(dim=0) / 2).to(snapshot.networks.dtype)
