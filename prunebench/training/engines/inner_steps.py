"""The steps inside a block for all networks together, in plain torch (docs/engine.md has the mathematics)."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from prunebench.training.engines.base import Problem


class Rates(NamedTuple):
    """Learning rate and momentum as the dtype rounds them, for Python and in memory of the device."""

    learning_rate: float
    momentum: float
    tensor: Float[Tensor, "2"]

    @classmethod
    def of(cls, problem: Problem) -> "Rates":
        """Those of a problem."""
        rates = [problem.recipe.learning_rate, problem.recipe.momentum]
        tensor = torch.tensor(rates, dtype=torch.float64).to(problem.x)
        learning_rate, momentum = tensor.tolist()
        return cls(learning_rate, momentum, tensor)


class Block(NamedTuple):
    """What the steps of a block start from.

    Attributes:
        z: pre-activations as they would be without the block's own gradients; overwritten.
        corrections: what a delta of 1 at a column's sample adds to the pre-activation of a row's, which comes
            later; no columns where there is one step.
        targets: one-hot labels times `share`.
        share: weight of a sample in its minibatch's mean; 0 for padding.
        w_out, velocity: outgoing weights and their velocity, brought up to date in place.
        batch: samples in a step.
    """

    z: Float[Tensor, "seeds samples neurons"]
    corrections: Float[Tensor, "seeds samples earlier"]
    targets: Float[Tensor, "seeds samples outputs"]
    share: Float[Tensor, "seeds samples 1"]
    w_out: Float[Tensor, "seeds outputs neurons"]
    velocity: Float[Tensor, "seeds outputs neurons"]
    batch: int


def take_steps(block: Block, rates: Rates) -> Float[Tensor, "seeds samples neurons"]:
    """Take the steps of a block, and return every sample's delta."""
    z, corrections, targets, share, w_out, velocity, batch = block
    delta = torch.empty_like(z)
    for start in range(0, z.shape[1], batch):
        now = slice(start, start + batch)
        hidden = torch.baddbmm(z[:, now], corrections[:, now, :start], delta[:, :start]).relu_()
        residual = torch.softmax(hidden @ w_out.mT, dim=2) * share[:, now] - targets[:, now]
        delta[:, now] = torch.ops.aten.threshold_backward(residual @ w_out, hidden, 0)
        velocity.baddbmm_(residual.mT, hidden, beta=rates.momentum)
        w_out.sub_(velocity, alpha=rates.learning_rate)
    return delta
