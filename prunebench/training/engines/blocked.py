"""The CPU's engine: exact SGD in blocks of steps, compiled by numba, the networks side by side.

Inside a block the weights change by a sum of outer products of deltas and samples, so a step needs only the
pre-activations of its samples, corrected by the block's earlier deltas through the samples' Gram matrix. At
the block's end one matrix product brings weights and velocities up to date, kept side by side as pairs [w, m]
(docs/engine.md has the mathematics).
"""

import numpy as np

from prunebench.training.engines import block
from prunebench.training.engines.base import Problem
from prunebench.training.engines.compiled import Array, CompiledEngine, joined
from prunebench.training.engines.forms import block_steps, dual_is_cheaper
from prunebench.training.state import State


class BlockedEngine(CompiledEngine):
    """Blocked SGD, its state the pre-activations of all samples (dual form) or the weights (primal form)."""

    def __init__(self, problem: Problem, state: State) -> None:
        super().__init__(problem, state)
        ones = np.ones(
            (len(problem.x), 1), self._dtype
        )  # the bias is the weight of an input that is always 1
        self._x = np.hstack([problem.x.numpy(), ones])
        self.block = block_steps(self._orders.shape[2], problem.curve_every)
        rate, momentum = (
            float(self._rate),
            float(self._momentum),
        )  # as rounded to the dtype, like the plain loop's
        left = momentum ** np.arange(self.block + 1.0)
        self._geometric = np.stack([left, -rate * (np.cumsum(left) - left)]).astype(self._dtype)

        networks, samples, width = state.networks.seeds, len(self._x), state.networks.width
        self._dual = dual_is_cheaper(problem, state)
        self._features = self._x @ self._x.T if self._dual else self._x
        self._state = np.zeros((networks, self._features.shape[1], 2 * width), self._dtype)
        kept = samples if self._dual else 0
        self._coefficients = np.zeros((networks, kept, 2, width), self._dtype)
        self._touched = np.full((networks, kept), state.step)
        self._workers.each(self._set_up, networks)

    def _set_up(self, s: int) -> None:
        width = self._w_out.shape[2]
        halves = ((slice(0, width), self._start.networks), (slice(width, None), self._start.velocity))
        for columns, nets in halves:
            incoming = joined(nets, s).T
            self._state[s, :, columns] = self._x @ incoming if self._dual else incoming

    def _train(self, s: int, step: int) -> None:
        block.train(
            self._gemm, self._features, self._dual, self._labels, self._orders[s, self.step : step],
            self._state[s], self._w_out[s], self._velocity[s], self._rate, self._momentum, self._geometric,
            self.step, self._coefficients[s], self._touched[s],
        )  # fmt: skip

    def _incoming(self, s: int) -> tuple[Array, Array]:
        """Incoming weights and their velocity; in the dual form, from how much of each sample is in them."""
        width = self._w_out.shape[2]
        if not self._dual:
            return self._state[s, :, :width].T, self._state[s, :, width:].T
        weights, velocity = self._coasted(
            joined(self._start.networks, s), joined(self._start.velocity, s), self.step - self._start.step
        )
        w, m = self._coefficients[s, :, 0], self._coefficients[s, :, 1]
        w, m = self._coasted(w, m, self.step - self._touched[s][:, None])
        return weights + w.T @ self._x, velocity + m.T @ self._x

    def _coasted(self, w: Array, m: Array, steps: int | Array) -> tuple[Array, Array]:
        left, moved = block.coast(steps, float(self._rate), float(self._momentum))
        return w + np.asarray(moved, self._dtype) * m, np.asarray(left, self._dtype) * m

    def _pre_activations(self, s: int) -> Array:
        weights = self._state[s, :, : self._w_out.shape[2]]
        return weights if self._dual else self._x @ np.ascontiguousarray(weights)
