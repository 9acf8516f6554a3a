"""Sampled: another scorer, asked about some training samples only; after the minibatch of Lee et al. 2019."""

from dataclasses import dataclass, replace
from typing import Annotated

import torch
from jaxtyping import Float
from msgspec import Meta

import prunebench as pb
from prunebench.plugin.isolation import source_of
from prunebench.plugin.registry import Registry
from prunebench.scoring.registry import SCORERS
from prunebench.training.order import balanced_order


@dataclass(frozen=True)
class Sampled(pb.Scorer):
    """What `scorer` says when it sees `samples` of the training samples, at that share of its cost.

    Those that train on minibatches, `rehearsal` and `probe`, take as many of them as ever, of these samples.
    They are drawn for each network from its seed and the step, as many of each class as can be. Running
    statistics of batch normalisation are still those over all samples.

    `scorer`: one of prunebench's own by its name, with its defaults, that heeds the weights of the step.

    Deviations: SNIP's minibatch is one of training, of whatever classes.
    """

    name = "sampled"
    paper = "after Lee et al. 2019, SNIP"

    samples: Annotated[int, Meta(ge=2)] = 100
    scorer: str = "growing_mode"

    def __post_init__(self) -> None:
        """Refuse scorers whose samples these are not; its version tells their code, too."""
        registry = Registry(SCORERS)
        if not registry.require(self.scorer).own:
            accepted = "one of prunebench's own scorers is needed; others run in a process of their own"
            raise pb.RequestError("sampled[scorer]", self.scorer, accepted)
        inner = registry.load(self.scorer)
        if inner.sees_end or inner.initial_only or inner.stochastic or isinstance(inner, Sampled):
            accepted = "a scorer that draws nothing, looks at its step, and does not see the end, is needed"
            raise pb.RequestError("sampled[scorer]", self.scorer, accepted)
        object.__setattr__(self, "version", f"1/{inner.version}/{source_of(inner)}")

    def unfit(self, networks: pb.Networks, task: pb.Task) -> str | None:
        """What the scorer cannot take, and fewer samples than classes."""
        if self.samples < task.outputs:
            return f"samples={self.samples}: there are {task.outputs} classes, and one of each is needed"
        return pb.load_scorer(self.scorer).unfit(networks, task)

    def score(self, snapshot: pb.Snapshot) -> Float[torch.Tensor, "seeds units"]:
        """The scorer's scores, network by network."""
        scorer = pb.load_scorer(self.scorer)
        return torch.cat([scorer.score(one) for one in self._seen(snapshot)])

    def signs(self, snapshot: pb.Snapshot) -> Float[torch.Tensor, "seeds units"] | None:
        """The scorer's."""
        found = [pb.load_scorer(self.scorer).signs(one) for one in self._seen(snapshot)]
        signs = [each for each in found if each is not None]
        return torch.cat(signs) if signs else None

    def _seen(self, snapshot: pb.Snapshot) -> list[pb.Snapshot]:
        y = snapshot.task.y_train.numpy()
        seen = [balanced_order(y, draw)[: self.samples] for draw in snapshot.generators()]
        return [
            replace(snapshot.network(i), task=snapshot.task.only(torch.from_numpy(samples)))
            for i, samples in enumerate(seen)
        ]
