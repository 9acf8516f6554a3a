"""The CPU's engine: exact SGD in blocks of steps, compiled by numba, the networks side by side.

Inside a block the weights change by a sum of outer products of deltas and samples, so a step needs only the
pre-activations of its samples, corrected by the block's earlier deltas through the samples' Gram matrix. At
the block's end one matrix product brings the state up to date (docs/engine.md has the mathematics). Of the
weights w and velocity m the state is the pair of u = w - kappa m, kappa = lr mu / (1 - mu), and m: u is where
w would settle, and each gradient g changes it by -lr / (1 - mu) g, once and for all.
"""

import numpy as np

from prunebench.training.engines import block
from prunebench.training.engines.base import Problem
from prunebench.training.engines.compiled import Array, CompiledEngine, joined
from prunebench.training.state import State

# Samples in a block: with fewer the matrix products are slow, with more the corrections are.
BLOCK_SAMPLES = 100
# The largest Gram matrix of the training set that is worth its memory, in bytes.
GRAM_LIMIT = 600e6


class BlockedEngine(CompiledEngine):
    """Blocked SGD, its state the pre-activations of all samples (dual form) or the weights (primal form)."""

    def __init__(self, problem: Problem, state: State) -> None:
        super().__init__(problem, state)
        ones = np.ones(
            (len(problem.x), 1), self._dtype
        )  # the bias is the weight of an input that is always 1
        self._x = np.hstack([problem.x.numpy(), ones])
        self._kappa = self._dtype.type(problem.learning_rate * problem.momentum / (1 - problem.momentum))
        self._settle = self._dtype.type(-problem.learning_rate / (1 - problem.momentum))
        steps = max(1, round(BLOCK_SAMPLES / self._orders.shape[2]))
        powers = problem.momentum ** np.arange(steps + 1.0)
        self._geometric = np.stack([powers, np.cumsum(powers) - powers]).astype(self._dtype)

        networks, samples, width = state.networks.seeds, len(self._x), state.networks.width
        self._dual = dual_is_cheaper(problem, state)
        self._features = self._x @ self._x.T if self._dual else self._x
        self._state = np.zeros((networks, self._features.shape[1], 2 * width), self._dtype)
        kept = samples if self._dual else 0
        self._total = np.zeros((networks, kept, width), self._dtype)
        self._recent = np.zeros((networks, kept, width), self._dtype)
        self._touched = np.full((networks, kept), state.step)
        self._workers.each(self._set_up, networks)

    def _set_up(self, s: int) -> None:
        width = self._w_out.shape[2]
        halves = ((slice(0, width), self._start.networks), (slice(width, None), self._start.velocity))
        for columns, nets in halves:
            incoming = joined(nets, s).T
            self._state[s, :, columns] = self._x @ incoming if self._dual else incoming
        self._state[s, :, :width] -= self._kappa * self._state[s, :, width:]

    def _train(self, s: int, step: int) -> None:
        block.train(
            self._gemm, self._features, self._dual, self._labels, self._orders[s, self.step : step],
            self._state[s], self._w_out[s], self._velocity[s], self._rate, self._momentum, self._geometric,
            self.step, self._total[s], self._recent[s], self._touched[s],
        )  # fmt: skip

    def _incoming(self, s: int) -> tuple[Array, Array]:
        """Incoming weights and their velocity; in the dual form, from what each sample has added to them."""
        if not self._dual:
            return self._weights(s).T, self._state[s, :, self._w_out.shape[2] :].T
        decay = self._momentum ** (self.step - self._touched[s]).astype(self._dtype)
        recent = self._recent[s] * decay[:, None]
        started = joined(self._start.velocity, s)
        left = self._momentum ** self._dtype.type(self.step - self._start.step)
        weights = (self._settle * self._total[s] + self._kappa * recent).T @ self._x
        weights += joined(self._start.networks, s) - (self._kappa * (1 - left)) * started
        return weights, recent.T @ self._x + left * started

    def _pre_activations(self, s: int) -> Array:
        return self._weights(s) if self._dual else self._x @ self._weights(s)

    def _weights(self, s: int) -> Array:
        """`w = u + kappa m` of what the state holds."""
        width = self._w_out.shape[2]
        out = np.empty((self._state.shape[1], width), self._dtype)
        block.unsettle(self._state[s], self._kappa, out)
        return out


def dual_is_cheaper(problem: Problem, state: State) -> bool:
    """Whether to carry the pre-activations of N samples, not D + 1 weights, which cost twice as much each."""
    samples, inputs = problem.x.shape
    gram = samples * samples * problem.x.element_size()
    # TODO memory
    return samples < 2 * (inputs + 1) and gram <= GRAM_LIMIT
