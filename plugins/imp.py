"""IMP: Frankle and Carbin 2019, "The Lottery Ticket Hypothesis"; rewinding: Frankle et al. 2020."""

from typing import Literal

import torch
from jaxtyping import Float

import prunebench as pb


class IterativeMagnitudePruning(pb.Scorer):
    """The neuron's weights that survive iterative magnitude pruning of individual weights.

    In each of `rounds` rounds the surviving weights are trained to the end from their rewound values, and
    the smallest of the trained ones are pruned: over the whole network, incoming and outgoing weights
    together, biases never. After round r a share of exactly `1 - (1 - sparsity)^(r/rounds)` of the weights
    is gone. The paper "It's Not a Lottery, It's a Race" uses sparsities 0.2, 0.5 and 0.7 in 3 rounds
    (figure 5).

    `rewind`: to the `initial` weights (default; all steps are trained again) or to the `snapshot`'s.
    `weights`: count `both` (default), `incoming` or `outgoing` survivors.

    Deviations: the last pruned network is not trained again, since only its mask is looked at. The trainings
    are counted as the scorer's cost.
    """

    name = "imp"
    paper = "Frankle and Carbin 2019, The Lottery Ticket Hypothesis"

    sparsity: float = 0.5
    rounds: int = 3
    rewind: Literal["initial", "snapshot"] = "initial"
    weights: Literal["both", "incoming", "outgoing"] = "both"

    def __post_init__(self) -> None:
        """Refuse what cannot be pruned."""
        if not 0 < self.sparsity < 1:
            raise pb.RequestError("imp[sparsity]", self.sparsity, "a share between 0 and 1 is needed")
        if self.rounds < 1:
            raise pb.RequestError("imp[rounds]", self.rounds, "at least 1 round is needed")
        if self.rewind not in ("initial", "snapshot"):
            raise pb.RequestError("imp[rewind]", self.rewind, "initial or snapshot")
        if self.weights not in ("both", "incoming", "outgoing"):
            raise pb.RequestError("imp[weights]", self.weights, "one of both, incoming, outgoing")

    def score(self, snapshot: pb.Snapshot) -> Float[torch.Tensor, "seeds neurons"]:
        """Numbers of surviving weights."""
        masks = self.masks(snapshot)[-1]
        incoming, outgoing = masks.w_in.sum(dim=2), masks.w_out.sum(dim=1)
        counts = {"both": incoming + outgoing, "incoming": incoming, "outgoing": outgoing}[self.weights]
        return counts.to(snapshot.networks.dtype)

    def masks(self, snapshot: pb.Snapshot) -> list[pb.Masks]:
        """The masks after each round."""
        late = self.rewind == "snapshot"
        rewound, step = (snapshot.networks, snapshot.step) if late else (snapshot.initial, 0)
        found: list[pb.Masks] = []
        masks = pb.Masks.full(rewound)
        for done in range(1, self.rounds + 1):
            trained = snapshot.train(rewound, from_step=step, masks=masks if found else None)
            masks = _prune(trained, masks, (1 - self.sparsity) ** (done / self.rounds))
            found.append(masks)
        return found


def _prune(trained: pb.Networks, masks: pb.Masks, remaining: float) -> pb.Masks:
    """Keep the largest living weights of each network: a share `remaining` of all its weights, exactly."""
    incoming = trained.w_in[0].numel()
    magnitudes = torch.cat([trained.w_in.flatten(1), trained.w_out.flatten(1)], dim=1).abs()
    living = torch.cat([masks.w_in.flatten(1), masks.w_out.flatten(1)], dim=1)
    # A living weight may be 0 (a dead neuron's), yet it goes after the weights that are pruned already.
    magnitudes = torch.where(living, magnitudes, -1.0)
    keep = magnitudes.topk(round(remaining * living.shape[1]), dim=1).indices
    survivors = torch.zeros_like(living).scatter_(1, keep, True)
    return pb.Masks(
        survivors[:, :incoming].reshape(trained.w_in.shape),
        survivors[:, incoming:].reshape(trained.w_out.shape),
    )
