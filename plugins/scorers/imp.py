"""IMP: Frankle and Carbin 2019, "The Lottery Ticket Hypothesis"; rewinding: Frankle et al. 2020."""

from dataclasses import dataclass
from typing import Annotated, Literal

import torch
from jaxtyping import Float
from msgspec import Meta

import prunebench as pb


@dataclass(frozen=True)
class IterativeMagnitudePruning(pb.Scorer):
    """The unit's weights that survive iterative magnitude pruning of individual weights.

    In each of `rounds` rounds the surviving weights are trained from their rewound values to the recipe's end
    (all its steps: `until_loss` ends none of these trainings), and the smallest of the trained ones are
    pruned: by one threshold over all layers, the output's weights too, biases and batch normalisation never.
    After round r a share of exactly `1 - (1 - sparsity)^(r/rounds)` of the weights is gone. The paper "It's
    Not a Lottery, It's a Race" uses sparsities 0.2, 0.5 and 0.7 in 3 rounds (figure 5).

    `rewind`: to the `initial` weights (default; all steps are trained again) or to the `snapshot`'s.
    `weights`: count `both` (default: all that is left of the unit), `incoming` or `outgoing` survivors.
    `normalise`: add up shares of the incoming and of the outgoing weights instead of weights, so that the few
    outgoing ones weigh as much as the many incoming.

    Deviations: the last pruned network is not trained again, since only its mask is looked at; all layers are
    pruned by one threshold, where Frankle and Carbin prune the output layer half as fast, and small networks
    layer by layer; momentum starts again at 0, also from a snapshot. The trainings are counted as the
    scorer's cost.
    """

    name = "imp"
    paper = "Frankle and Carbin 2019, The Lottery Ticket Hypothesis"

    sparsity: Annotated[float, Meta(title="a share", gt=0, lt=1)] = 0.5
    rounds: Annotated[int, Meta(ge=1, le=1000)] = 3
    rewind: Literal["initial", "snapshot"] = "initial"
    weights: Literal["both", "incoming", "outgoing"] = "both"
    normalise: bool = False

    @property
    def initial_only(self) -> bool:
        """Trainings that start again from the initial weights are the same at every step."""
        return self.rewind == "initial"

    def score(self, snapshot: pb.Snapshot) -> Float[torch.Tensor, "seeds units"]:
        """Surviving weights of each unit."""
        masks = self.masks(snapshot)[-1]
        incoming, outgoing = masks.unit_sums("incoming"), masks.unit_sums("outgoing")
        if self.normalise:
            whole = snapshot.networks.full_masks()
            incoming, outgoing = (
                incoming / whole.unit_sums("incoming"),
                outgoing / whole.unit_sums("outgoing"),
            )
        counts = {"both": incoming + outgoing, "incoming": incoming, "outgoing": outgoing}[self.weights]
        return counts.to(snapshot.networks.dtype)

    def masks(self, snapshot: pb.Snapshot) -> list[pb.Networks]:
        """The masks after each round."""
        late = self.rewind == "snapshot"
        rewound, step = (snapshot.networks, snapshot.step) if late else (snapshot.initial, 0)
        found: list[pb.Networks] = []
        masks = rewound.full_masks()
        for done in range(1, self.rounds + 1):
            trained = snapshot.train(rewound, from_step=step, masks=masks if found else None)
            masks = _prune(trained, masks, (1 - self.sparsity) ** (done / self.rounds))
            found.append(masks)
        return found


def _prune(trained: pb.Networks, masks: pb.Networks, remaining: float) -> pb.Networks:
    """Keep the largest living weights of each network: a share `remaining` of all its weights, exactly.

    Of equal magnitudes the lower number stays: the mask does not depend on how a device sorts.
    """
    magnitudes, living = (
        torch.cat([each[name].flatten(1) for name in masks.tensors], dim=1) for each in (trained, masks)
    )
    # A living weight may be 0 (a dead neuron's), yet it goes after the weights that are pruned already.
    magnitudes = torch.where(living, magnitudes.abs(), -1.0)
    order = magnitudes.sort(dim=1, descending=True, stable=True).indices
    keep = order[:, : max(1, round(remaining * living.shape[1]))]
    survivors = torch.zeros_like(living).scatter_(1, keep, True)
    sizes = [mask[0].numel() for mask in masks.tensors.values()]
    parts = zip(masks.tensors.items(), survivors.split(sizes, dim=1), strict=True)
    return masks.like({name: part.reshape(mask.shape) for (name, mask), part in parts})
