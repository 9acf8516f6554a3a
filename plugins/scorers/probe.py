"""Probe: a few steps of training, then another scorer; Frankle et al. 2020, "Linear Mode Connectivity"."""

from dataclasses import dataclass, replace
from typing import Annotated

import torch
from jaxtyping import Float
from msgspec import Meta

import prunebench as pb
from prunebench.networks.normalisation import recalibrated
from prunebench.plugin.isolation import source_of
from prunebench.plugin.registry import Registry
from prunebench.scoring.registry import SCORERS


@dataclass(frozen=True)
class Probe(pb.Scorer):
    """Trains for `steps` steps of its own from the snapshot, and scores there by another `scorer`.

    What a scorer reads off the weights a little later is much more than it reads now, and the steps are the
    price: they are counted as cost. The probe starts with velocity 0 and takes minibatches in an order of its
    own, drawn from the network's seed and the step: it knows no more of the training to come than the
    snapshot does. Running statistics of batch normalisation are estimated again before it is scored.

    `scorer`: one of prunebench's own by its name, with its defaults, that heeds the weights of the step.

    Deviations: Frankle et al. rewind to weights that were trained for a while; they are the reference
    network's own, and free.
    """

    name = "probe"
    paper = "after Frankle et al. 2020, Linear Mode Connectivity and the Lottery Ticket Hypothesis"

    steps: Annotated[int, Meta(ge=1)] = 10
    scorer: str = "magnitude"

    def __post_init__(self) -> None:
        """Refuse scorers that a probe is of no use for; its version tells their code, too."""
        registry = Registry(SCORERS)
        if not registry.require(self.scorer).own:
            accepted = "one of prunebench's own scorers is needed; others run in a process of their own"
            raise pb.RequestError("probe[scorer]", self.scorer, accepted)
        inner = registry.load(self.scorer)
        if inner.sees_end or inner.initial_only or isinstance(inner, Probe):
            accepted = "a scorer that looks at the weights of its step, and does not see the end, is needed"
            raise pb.RequestError("probe[scorer]", self.scorer, accepted)
        object.__setattr__(self, "version", f"1/{inner.version}/{source_of(inner)}")

    def unfit(self, networks: pb.Networks, task: pb.Task) -> str | None:
        """What the scorer cannot take."""
        return pb.load_scorer(self.scorer).unfit(networks, task)

    def score(self, snapshot: pb.Snapshot) -> Float[torch.Tensor, "seeds units"]:
        """The scorer's scores, after the probe or at the recipe's end, whichever comes first."""
        end = min(snapshot.step + self.steps, snapshot.recipe.steps)
        probed = snapshot.train(snapshot.networks, from_step=snapshot.step, until=end, own_order=True)
        probed = recalibrated(probed, snapshot.x)
        return pb.load_scorer(self.scorer).score(replace(snapshot, step=end, networks=probed))

    def signs(self, snapshot: pb.Snapshot) -> None:
        """None: a probe is trained for its scores alone."""
