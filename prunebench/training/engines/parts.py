"""Engines for as many networks at a time as memory is good for."""

from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from prunebench.training.engines.base import Engine, Problem
from prunebench.training.state import State


class InParts(Engine):
    """Several engines of the same kind, each with at most `at_once` of the networks."""

    def __init__(self, kind: type[Engine], at_once: int, problem: Problem, state: State) -> None:
        super().__init__(problem, state)
        parts = (slice(first, first + at_once) for first in range(0, state.networks.seeds, at_once))
        self._engines = [kind(_part_of(problem, part), state.select(part)) for part in parts]
        self.block = self._engines[0].block

    def advance(self, step: int) -> None:
        """Train until `step` steps have been taken in all."""
        for engine in self._engines:
            engine.advance(step)
        self.step = step

    def state(self) -> State:
        """The current state; later training does not change it."""
        return State.cat([engine.state() for engine in self._engines])

    def curves(self) -> tuple[Float[Tensor, " seeds"], Float[Tensor, " seeds"]]:
        """Mean loss and accuracy of each network over the whole training set."""
        loss, accuracy = zip(*(engine.curves() for engine in self._engines), strict=True)
        return torch.cat(loss), torch.cat(accuracy)


def _part_of(problem: Problem, part: slice) -> Problem:
    masks = problem.masks
    if masks is not None:
        masks = masks.select(part)
    return replace(problem, order_of=problem.order_of[part], masks=masks)
