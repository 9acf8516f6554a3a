"""Several engines for as many networks each as memory, or a thread, is good for."""

from collections.abc import Callable
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
        self._threads = Threads(flush=True) if kind.side_by_side and problem.x.device.type == "cpu" else None

    def advance(self, step: int) -> None:
        """Train until `step` steps have been taken in all."""
        self._each(lambda number: self.parts[number].advance(step))
        self.step = step

    def state(self) -> State:
        """The current state; later training does not change it."""
        return State.cat([engine.state() for engine in self.parts])

    def curves(self) -> tuple[Float[Tensor, " seeds"], Float[Tensor, " seeds"]]:
        """Mean loss and accuracy of each network over the whole training set."""
        points: dict[int, tuple[Tensor, Tensor]] = {}
        self._each(lambda number: points.update({number: self.parts[number].curves()}))
        loss, accuracy = zip(*(points[number] for number in range(len(points))), strict=True)
        return torch.cat(loss), torch.cat(accuracy)

    def _each(self, work: Callable[[int], None]) -> None:
        """Call `work` with the number of each engine."""
        if self._threads is not None:
            self._threads.each(work, len(self.parts))
            return
        for number in range(len(self.parts)):
            work(number)


def _part_of(problem: Problem, part: slice) -> Problem:
    masks = problem.masks
    if masks is not None:
        masks = masks.select(part)
    return replace(problem, order_of=problem.order_of[part], masks=masks)
