"""Several engines for as many networks each as memory, or a thread, is good for."""

from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from prunebench.threads import Threads
from prunebench.training.engines.base import Engine, Problem
from prunebench.training.state import State


class InParts(Engine):
    """Engines of the same kind, each with at most `at_once` of the networks, side by side where they can.

    Attributes:
        parts: the engines.
    """

    def __init__(self, kind: type[Engine], at_once: int, problem: Problem, state: State) -> None:
        super().__init__(problem, state)
        parts = (slice(first, first + at_once) for first in range(0, state.networks.seeds, at_once))
        self.parts = [kind(_part_of(problem, part), state.select(part)) for part in parts]
        self.block = self.parts[0].block
        self._each = Threads(flush=True).map if kind.side_by_side and problem.x.device.type == "cpu" else map

    def advance(self, step: int) -> None:
        """Train until `step` steps have been taken in all."""
        list(self._each(lambda part: part.advance(step), self.parts))
        self.step = step

    def state(self) -> State:
        """The current state; later training does not change it."""
        return State.cat([part.state() for part in self.parts])

    def curves(self) -> tuple[Float[Tensor, " seeds"], Float[Tensor, " seeds"]]:
        """Mean loss and accuracy of each network over the whole training set."""
        loss, accuracy = zip(*self._each(lambda part: part.curves(), self.parts), strict=True)
        return torch.cat(loss), torch.cat(accuracy)


def _part_of(problem: Problem, part: slice) -> Problem:
    masks = None if problem.masks is None else problem.masks.select(part)
    return replace(problem, order_of=problem.order_of[part], masks=masks)
