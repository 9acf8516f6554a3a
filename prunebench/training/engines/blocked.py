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

# Narrow networks of one order are trained as one wide one: they share samples and Gram matrix, and with them
# the work that does not depend on the width. With more neurons than this the state leaves the cache.
NEURONS_TOGETHER = 512


class BlockedEngine(CompiledEngine):
    """Blocked SGD, its state the pre-activations of all samples (dual form) or the weights (primal form)."""

    def __init__(self, problem: Problem, state: State) -> None:
        super().__init__(problem, state)
        # The bias is the weight of an input that is always 1.
        self._x = np.hstack([problem.x.numpy(), np.ones((len(problem.x), 1), self._dtype)])
        self.block = block_steps(self._orders.shape[2], problem.curve_every)
        # As rounded to the dtype, like the plain loop's.
        rate, momentum = float(self._rate), float(self._momentum)
        left = momentum ** np.arange(self.block + 1.0)
        self._geometric = np.stack([left, -rate * (np.cumsum(left) - left)]).astype(self._dtype)

        self._dual = dual_is_cheaper(problem, state.networks.bias.numel())
        self._features = self._x @ self._x.T if self._dual else self._x
        self._peers = peers(self._order_of, state.networks.units)
        self._units = len(self._peers)
        self._place = {s: (unit, at) for unit, group in enumerate(self._peers) for at, s in enumerate(group)}
        kept = len(self._x) if self._dual else 0
        columns = [len(group) * state.networks.units for group in self._peers]
        # One of each per unit, whose networks' neurons stand in a row; in the state's pairs all w come first.
        self._state = [np.zeros((self._features.shape[1], 2 * c), self._dtype) for c in columns]
        self._coefficients = [np.zeros((kept, 2, c), self._dtype) for c in columns]
        self._touched = [np.full(kept, state.step) for _ in columns]
        self._threads.each(self._set_up, state.networks.seeds)

    def _set_up(self, s: int) -> None:
        for half, nets in zip(self._halves(s), (self._start.networks, self._start.velocity), strict=True):
            incoming = joined(nets, s).T
            half[:] = self._x @ incoming if self._dual else incoming

    def _halves(self, s: int) -> tuple[Array, Array]:
        """The columns w and m of network `s` in its unit's state."""
        unit, at = self._place[s]
        width, state = self._w_out.shape[2], self._state[unit]
        middle, first = state.shape[1] // 2, at * width
        return state[:, first : first + width], state[:, middle + first : middle + first + width]

    def _train(self, unit: int, step: int) -> None:
        group = self._peers[unit]
        w_out, velocity = self._w_out[group], self._velocity[group]
        block.train(
            self._gemm, self._features, self._dual, self._labels,
            self._orders[self._order_of[group[0]], self.step : step], self._state[unit], w_out, velocity,
            self._rate, self._momentum, self._geometric, self.step, self._coefficients[unit],
            self._touched[unit],
        )  # fmt: skip
        self._w_out[group], self._velocity[group] = w_out, velocity

    def _incoming(self, s: int) -> tuple[Array, Array]:
        """Incoming weights and their velocity; in the dual form, from how much of each sample is in them."""
        if not self._dual:
            w, m = self._halves(s)
            return w.T, m.T
        weights, velocity = self._coasted(
            joined(self._start.networks, s), joined(self._start.velocity, s), self.step - self._start.step
        )
        unit, at = self._place[s]
        own = slice(at * self._w_out.shape[2], (at + 1) * self._w_out.shape[2])
        w, m = self._coefficients[unit][:, 0, own], self._coefficients[unit][:, 1, own]
        w, m = self._coasted(w, m, self.step - self._touched[unit][:, None])
        return weights + w.T @ self._x, velocity + m.T @ self._x

    def _coasted(self, w: Array, m: Array, steps: int | Array) -> tuple[Array, Array]:
        left, moved = block.coast(steps, float(self._rate), float(self._momentum))
        return w + np.asarray(moved, self._dtype) * m, np.asarray(left, self._dtype) * m

    def _pre_activations(self, s: int) -> Array:
        weights = np.ascontiguousarray(self._halves(s)[0])
        return weights if self._dual else self._x @ weights


def peers(order_of: Array, width: int) -> list[list[int]]:
    """Networks to train side by side: of one order, as many as have about `NEURONS_TOGETHER` neurons."""
    together = max(1, NEURONS_TOGETHER // width)
    groups = []
    for order in np.unique(order_of):
        same = np.flatnonzero(order_of == order).tolist()
        groups += [same[first : first + together] for first in range(0, len(same), together)]
    return groups
