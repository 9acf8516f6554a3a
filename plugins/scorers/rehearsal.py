"""Rehearsal: ours; a short race of many small steps, whose way is followed to its end (docs/theory.md)."""

import math
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
from jaxtyping import Float, Int64
from msgspec import Meta

import prunebench as pb
from prunebench.networks.normalisation import recalibrated
from prunebench.networks.outcomes import cross_entropy
from prunebench.training.order import balanced_order

_FIRST = 5  # minibatches that the loss and its slope at the start are taken of


@dataclass(frozen=True)
class Rehearsal(pb.Scorer):
    """`u_i = |w_i||v_i|` far along the way that `steps` small steps take.

    A step goes along the gradient of a minibatch of `batch_size` samples, as many of each class as can be.
    All steps together are `reach` times as long as the weights, and they lengthen evenly: of T, the t-th is
    `2t / (T(T+1))` of it. Gates move, and the units race, as in training, but at a pace that the network sets
    and no learning rate: it is the same for weights of any scale.

    In that time little has grown. So the way d of each weight tensor is lengthened: to the tensor's own
    length, and all of them together by `c = L / |dL/dc|`, the loss at the start over its slope along the way,
    where it would be 0 if it went on so. A network that has far to go, as from a small start, is scored by
    what moves, and one that is nearly there by what it is.

    The minibatches are in an order of its own, drawn from the network's seed and the step. The loss at the
    start is that of the first five. Weight tensors are those that have incoming or outgoing weights of units,
    and the gains of batch normalisation, whose running statistics are estimated again after each step; biases
    stay, since an output's would run away: its gradient does not shrink with the weights.
    """

    name = "rehearsal"
    paper = "prunebench; after It's Not a Lottery, It's a Race"

    steps: Annotated[int, Meta(ge=1, le=100_000)] = 32
    batch_size: Annotated[int, Meta(ge=2)] = 20
    reach: Annotated[float, Meta(gt=0, le=1000)] = 0.5

    def score_network(self, snapshot: pb.Snapshot) -> Float[torch.Tensor, " units"]:
        """In float64: at a small start the way is short."""
        start, x, y = snapshot.networks.to(dtype=torch.float64), snapshot.x, snapshot.y
        gains = {part.tensor for layer in start.layers for part in layer.of("scale")}
        moving = sorted({*start.architecture.weights, *gains} & set(start.architecture.trainable))
        (draw,) = snapshot.generators()
        batches = torch.from_numpy(self._minibatches(y.cpu().numpy(), draw)).to(y.device)
        networks = start
        for step, batch in enumerate(batches, start=1):
            networks = self._moved(networks, x[batch], y[batch], moving, self._share(step))
        first = batches[:_FIRST].flatten()
        way = {name: networks[name] - start[name] for name in moving}
        return self._followed(start, way, x[first], y[first]).norms()[0].to(snapshot.networks.dtype)

    def _share(self, step: int) -> float:
        """The length of a step by that of the weights."""
        return self.reach * 2 * step / (self.steps * (self.steps + 1))

    def _moved(
        self, networks: pb.Networks, x: torch.Tensor, y: torch.Tensor, moving: list[str], share: float
    ) -> pb.Networks:
        gradient = networks.gradient(
            x, y, loss=cross_entropy
        )  # by its name it would be remembered, for nobody
        if (pull := _length(gradient, moving)) == 0:
            return networks
        factor = share * _length(networks, moving) / pull
        moved = {name: networks[name] - factor * gradient[name] for name in moving}
        return recalibrated(networks.like({**networks.tensors, **moved}), x)

    def _followed(
        self, start: pb.Networks, way: dict[str, torch.Tensor], x: torch.Tensor, y: torch.Tensor
    ) -> pb.Networks:
        """Where the loss of these samples would be 0, if it went on along the way as it begins."""
        slope = start.gradient(x, y, loss=cross_entropy)
        way = {name: _as_long_as(start[name], along) for name, along in way.items()}
        falls = abs(sum(float((slope[name] * along).sum()) for name, along in way.items()))
        c = float(start.loss(x, y)) / falls if falls > 0 else 0.0
        return start.like({**start.tensors, **{name: start[name] + c * along for name, along in way.items()}})

    def _minibatches(
        self, y: Int64[np.ndarray, " samples"], draw: np.random.Generator
    ) -> Int64[np.ndarray, "steps batch"]:
        """All samples, classes in turn, and then all of them again."""
        size = min(self.batch_size, len(y))
        rounds = [balanced_order(y, draw) for _ in range(math.ceil(self.steps * size / len(y)))]
        return np.concatenate(rounds)[: self.steps * size].reshape(self.steps, size)


def _length(networks: pb.Networks, names: list[str]) -> float:
    return math.sqrt(sum(float(networks[name].square().sum()) for name in names))


def _as_long_as(tensor: torch.Tensor, way: torch.Tensor) -> torch.Tensor:
    """The way, as long as the tensor; what has not moved stays."""
    length = float(way.norm())
    return way * (float(tensor.norm()) / length) if length > 0 else way
