"""The CPU's engine: exact SGD in blocks of steps, compiled by numba, the networks side by side.

Inside a block the weights change by a sum of outer products of deltas and samples, so a step needs only the
pre-activations of its samples, corrected by the block's earlier deltas through the samples' Gram matrix. At
the block's end one matrix product brings the state up to date (docs/engine.md has the mathematics). Of the
weights w and velocity m the state is the pair of u = w - kappa m, kappa = lr mu / (1 - mu), and m: u is where
w would settle, and each gradient g changes it by -lr / (1 - mu) g, once and for all.
"""

from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from prunebench.networks import Networks
from prunebench.training.engines import kernels
from prunebench.training.engines.base import Engine, Problem
from prunebench.training.engines.workers import Workers
from prunebench.training.state import State

Array = NDArray[Any]

# Samples in a block: with fewer the matrix products are slow, with more the corrections are.
BLOCK_SAMPLES = 100
# The largest Gram matrix of the training set that is worth its memory, in bytes.
GRAM_LIMIT = 600e6


class BlockedEngine(Engine):
    """Blocked SGD, its state the pre-activations of all samples (dual form) or the weights (primal form)."""

    def __init__(self, problem: Problem, state: State) -> None:
        super().__init__(problem, state)
        self._start = state  # only read
        self._workers = Workers()
        dtype = problem.x.numpy().dtype
        ones = np.ones((len(problem.x), 1), dtype)  # the bias is the weight of an input that is always 1
        self._x = np.hstack([problem.x.numpy(), ones])
        self._labels = problem.y.numpy()
        self._orders = problem.orders.numpy()
        self._rate, self._momentum = dtype.type(problem.learning_rate), dtype.type(problem.momentum)
        self._kappa = dtype.type(problem.learning_rate * problem.momentum / (1 - problem.momentum))
        self._settle = dtype.type(-problem.learning_rate / (1 - problem.momentum))
        steps = max(1, round(BLOCK_SAMPLES / self._orders.shape[2]))
        powers = problem.momentum ** np.arange(steps + 1.0)
        self._geometric = np.stack([powers, np.cumsum(powers) - powers]).astype(dtype)
        self._gemm = kernels.Gemm(dtype)

        networks, samples, width = state.networks.seeds, len(self._x), state.networks.width
        self._dual = dual_is_cheaper(problem, state)
        self._features = self._x @ self._x.T if self._dual else self._x
        self._w_out = state.networks.w_out.numpy().copy()
        self._velocity = state.velocity.w_out.numpy().copy()
        self._state = np.zeros((networks, self._features.shape[1], 2 * width), dtype)
        kept = samples if self._dual else 0
        self._total = np.zeros((networks, kept, width), dtype)
        self._recent = np.zeros((networks, kept, width), dtype)
        self._touched = np.full((networks, kept), state.step)
        self._workers.each(self._set_up, networks)

    def advance(self, step: int) -> None:
        """Train until `step` steps have been taken in all."""
        if step > self.step:
            self._workers.each(lambda s: self._train(s, step), len(self._state))
            self.step = step

    def state(self) -> State:
        """The current state; later training does not change it."""
        networks = self._empty()
        velocity = self._empty()

        def recover(s: int) -> None:
            weights, velocities = self._recover(s)
            for nets, incoming in ((networks, weights), (velocity, velocities)):
                nets.w_in[s] = torch.from_numpy(incoming[:, :-1])
                nets.bias[s] = torch.from_numpy(incoming[:, -1])

        self._workers.each(recover, len(self._state))
        networks.w_out.copy_(torch.from_numpy(self._w_out))
        velocity.w_out.copy_(torch.from_numpy(self._velocity))
        return State(networks, self.step, velocity)

    def curves(self) -> tuple[Float[Tensor, " seeds"], Float[Tensor, " seeds"]]:
        """Mean loss and accuracy of each network over the whole training set."""
        sums = np.zeros((2, len(self._state)))

        def evaluate(s: int) -> None:
            settled = self._state[s] if self._dual else self._x @ self._state[s]
            sums[:, s] = kernels.evaluate(settled, self._kappa, self._w_out[s], self._labels)

        self._workers.each(evaluate, len(self._state))
        loss, accuracy = torch.from_numpy(sums / len(self._x)).to(self.problem.x.dtype)
        return loss, accuracy

    def _empty(self) -> Networks:
        return Networks(*(torch.empty_like(t) for t in self._start.networks.tensors))

    def _set_up(self, s: int) -> None:
        width = self._w_out.shape[2]
        halves = ((slice(0, width), self._start.networks), (slice(width, None), self._start.velocity))
        for columns, nets in halves:
            incoming = _joined(nets, s).T
            self._state[s, :, columns] = self._x @ incoming if self._dual else incoming
        self._state[s, :, :width] -= self._kappa * self._state[s, :, width:]

    def _train(self, s: int, step: int) -> None:
        kernels.train(
            self._gemm, self._features, self._dual, self._labels, self._orders[s, self.step : step],
            self._state[s], self._w_out[s], self._velocity[s], self._rate, self._momentum, self._geometric,
            self.step, self._total[s], self._recent[s], self._touched[s],
        )  # fmt: skip

    def _recover(self, s: int) -> tuple[Array, Array]:
        """Incoming weights and their velocity, (d, D + 1), the bias in the last column."""
        width = self._w_out.shape[2]
        if not self._dual:
            settled, velocity = self._state[s, :, :width].T, self._state[s, :, width:].T
            return settled + self._kappa * velocity, velocity
        decay = self._momentum ** (self.step - self._touched[s]).astype(self._x.dtype)
        recent = self._recent[s] * decay[:, None]
        started = _joined(self._start.velocity, s)
        left = self._momentum ** self._x.dtype.type(self.step - self._start.step)
        weights = (self._settle * self._total[s] + self._kappa * recent).T @ self._x
        weights += _joined(self._start.networks, s) - (self._kappa * (1 - left)) * started
        return weights, recent.T @ self._x + left * started


def dual_is_cheaper(problem: Problem, state: State) -> bool:
    """Whether to carry the pre-activations of N samples, not D + 1 weights, which cost twice as much each."""
    samples, inputs = problem.x.shape
    gram = samples * samples * problem.x.element_size()
    # TODO memory
    return samples < 2 * (inputs + 1) and gram <= GRAM_LIMIT


def _joined(nets: Networks, s: int) -> Array:
    return np.hstack([nets.w_in[s].numpy(), nets.bias[s].numpy()[:, None]])
