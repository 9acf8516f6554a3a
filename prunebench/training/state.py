"""A moment of training."""

from collections.abc import Sequence

import torch
from jaxtyping import Int64
from torch import Tensor

from prunebench.errors import RequestError
from prunebench.networks import Networks


class State:
    """All that training needs to go on: weights, SGD velocity and the number of steps taken.

    A velocity that is left out is 0.
    """

    def __init__(self, networks: Networks, step: int = 0, velocity: Networks | None = None) -> None:
        if step < 0:
            raise RequestError("start step", step, "a step from 0 up is needed")
        self.networks = networks
        self.step = step
        self.velocity = networks.trained.zeros_like() if velocity is None else velocity

    def keep(self, indices: Int64[Tensor, "seeds kept"]) -> "State":
        """The state of the networks that have only these neurons: training on with all changes nothing."""
        return State(self.networks.keep(indices), self.step, self.velocity.keep(indices))

    def select(self, seeds: int | slice | list[int]) -> "State":
        """The state of the networks at these positions of the batch."""
        return State(self.networks.select(seeds), self.step, self.velocity.select(seeds))

    @staticmethod
    def cat(parts: "Sequence[State]") -> "State":
        """States at the same step as one batch."""
        networks, velocities = (
            Networks.cat(nets) for nets in zip(*((p.networks, p.velocity) for p in parts), strict=True)
        )
        return State(networks, parts[0].step, velocities)

    def masked(self, masks: Networks | None) -> "State":
        """A copy with masked weights and velocities at exactly 0."""
        return State(self.networks.masked(masks), self.step, self.velocity.masked(masks))

    def to(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> "State":
        """The state on another device or in another floating type."""
        return State(self.networks.to(device, dtype), self.step, self.velocity.to(device, dtype))
