"""A moment of training."""

from collections.abc import Callable, Mapping, Sequence

import torch
from jaxtyping import Int64
from torch import Tensor

from prunebench.errors import RequestError
from prunebench.networks import Networks


class State:
    """All that training needs to go on: weights, what the optimiser remembers, and the number of steps taken.

    Attributes:
        velocity: SGD's momentum `m = mu m + g`, or Adam's mean of the gradients g; left out it is 0.
        squares: Adam's mean of the squared gradients; None where it is 0, and for SGD.
        began: the step at which they were 0, which Adam's correction of both counts from.
    """

    def __init__(
        self,
        networks: Networks,
        step: int = 0,
        velocity: Networks | None = None,
        squares: Networks | None = None,
        began: int = 0,
    ) -> None:
        if step < 0:
            raise RequestError("start step", step, "a step from 0 up is needed")
        self.networks = networks
        self.step = step
        self.velocity = networks.trained.zeros_like() if velocity is None else velocity
        self.squares = squares
        self.began = step if squares is None else began

    def __repr__(self) -> str:
        return f"<State: {self.networks!r}, step {self.step:,}>"

    def keep(self, indices: Int64[Tensor, "seeds kept"] | Mapping[str, Tensor]) -> "State":
        """The state of the networks that have only these units: training on with all changes nothing."""
        return self._map(lambda nets: nets.keep(indices))

    def select(self, seeds: int | slice | list[int]) -> "State":
        """The state of the networks at these positions of the batch."""
        return self._map(lambda nets: nets.select(seeds))

    @staticmethod
    def cat(parts: "Sequence[State]") -> "State":
        """States at the same step as one batch, whose optimiser began at the same step, too."""
        first = parts[0]
        if len({(part.step, part.began) for part in parts}) != 1:
            raise ValueError("states of one step and one beginning are needed")
        squares = None
        if any(part.squares for part in parts):
            squares = Networks.cat([part.squares or part.velocity.zeros_like() for part in parts])
        networks = Networks.cat([part.networks for part in parts])
        velocity = Networks.cat([part.velocity for part in parts])
        return State(networks, first.step, velocity, squares, first.began)

    def clone(self) -> "State":
        """A copy that shares no memory with this one."""
        return self._map(Networks.clone)

    def masked(self, masks: Networks | None) -> "State":
        """A copy with masked weights, and what is remembered of them, at exactly 0."""
        return self._map(lambda nets: nets.masked(masks))

    def to(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> "State":
        """The state on another device or in another floating type."""
        return self._map(lambda nets: nets.to(device, dtype))

    def _map(self, change: Callable[[Networks], Networks]) -> "State":
        squares = None if self.squares is None else change(self.squares)
        return State(change(self.networks), self.step, change(self.velocity), squares, self.began)
