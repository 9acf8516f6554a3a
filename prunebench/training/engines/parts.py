"""Batched engines for as many networks at a time as memory is good for."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from prunebench.networks import Masks
from prunebench.training.engines.base import Engine, Problem
from prunebench.training.engines.forms import block_steps, dual_is_cheaper
from prunebench.training.state import State

# Bytes of a block's samples and of their deltas that are in memory at once. Only large minibatches reach it.
PART_BYTES = 2e9


class InParts(Engine):
    """Several engines of the same kind, each with some of the networks."""

    def __init__(self, engines: Sequence[Engine], problem: Problem, state: State) -> None:
        super().__init__(problem, state)
        self._engines = engines
        self.block = engines[0].block

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


def in_parts(make: Callable[[Problem, State], Engine], problem: Problem, state: State) -> Engine:
    """One engine for all networks where memory is good for that, else several."""
    at_once = networks_at_once(problem, state)
    if at_once >= state.networks.seeds:
        return make(problem, state)
    parts = (slice(first, first + at_once) for first in range(0, state.networks.seeds, at_once))
    return InParts([make(_part_of(problem, part), state.select(part)) for part in parts], problem, state)


def networks_at_once(problem: Problem, state: State) -> int:
    """How many networks' blocks fit into `PART_BYTES`, at least one."""
    samples, inputs = problem.x.shape
    batch = problem.orders.shape[2]
    block = batch * block_steps(batch, problem.curve_every)
    features = samples if dual_is_cheaper(problem, state) else inputs
    products = block if block > batch else 0
    numbers = block * (features + products + 4 * state.networks.width)
    return max(1, int(PART_BYTES / (numbers * problem.x.element_size())))


def _part_of(problem: Problem, part: slice) -> Problem:
    masks = problem.masks
    if masks is not None:
        masks = Masks(masks.w_in[part], masks.w_out[part])
    return replace(problem, order_of=problem.order_of[part], masks=masks)
