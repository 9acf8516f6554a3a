"""The CPU's engine for masked networks: one pass over the weights per step.

A mask makes every neuron's inputs its own, so no Gram matrix is shared and nothing is gained by blocks.
Instead one pass does the update of this step and the forward pass of the next, two neurons at a time, so that
each number is read and written once.
"""

from typing import no_type_check

import numpy as np
import torch

from prunebench.training.engines.base import Problem
from prunebench.training.engines.compiled import Array, CompiledEngine, joined
from prunebench.training.engines.kernels import compiled, copy, multiply, rectify, step_outputs
from prunebench.training.state import State

LINE = 64  # bytes of a cache line; rows that start on one, as torch's memory does, are read a quarter faster
FUSED = 4  # samples that a fused step takes; larger minibatches go through matrix products


class MaskedEngine(CompiledEngine):
    """Textbook SGD with momentum on masked weights. Without masks it trains all weights."""

    def __init__(self, problem: Problem, state: State) -> None:
        super().__init__(problem, state)
        networks, width, inputs = state.networks.w_in.shape
        self._columns = inputs + 1
        step = LINE // self._dtype.itemsize
        rows, columns = width + width % 2, -(-self._columns // step) * step
        self._x = problem.x.new_zeros(len(problem.x), columns).numpy()
        self._x[:, :inputs], self._x[:, inputs] = problem.x.numpy(), 1
        self._w, self._m = (problem.x.new_zeros(networks, rows, columns).numpy() for _ in range(2))
        self._mask = torch.zeros(networks, rows, columns, dtype=torch.bool).numpy()
        masks = problem.masks or state.networks.full_masks()
        for s in range(networks):
            self._w[s, :width, : self._columns] = joined(state.networks, s)
            self._m[s, :width, : self._columns] = joined(state.velocity, s)
        self._mask[:, :width, :inputs] = masks.w_in.numpy()
        self._mask[:, :width, inputs] = True
        more = (0, rows - width)
        self._w_out, self._velocity, self._mask_out = (
            torch.nn.functional.pad(t.to(problem.x.dtype), more).numpy().copy()
            for t in (state.networks.w_out, state.velocity.w_out, masks.w_out)
        )

    def _train(self, s: int, step: int) -> None:
        order = self._orders[self._order_of[s], self.step : step]
        train(
            self._gemm, self._x, self._labels, order, self._w[s], self._m[s], self._mask[s],
            self._w_out[s], self._velocity[s], self._mask_out[s], self._rate, self._momentum,
        )  # fmt: skip

    def _incoming(self, s: int) -> tuple[Array, Array]:
        real = (s, slice(self._start.networks.units), slice(self._columns))
        return self._w[real], self._m[real]

    def _pre_activations(self, s: int) -> Array:
        return self._x @ self._w[s].T


@compiled
@no_type_check
def fused_step(w, m, mask, delta, x, following, out, learning_rate, momentum):
    """One step, by four samples `x` and their deltas, and pre-activations of the four `following` ones."""
    zero = w.dtype.type(0)
    x0, x1, x2, x3 = x[0], x[1], x[2], x[3]
    y0, y1, y2, y3 = following[0], following[1], following[2], following[3]
    for i in range(0, len(w), 2):
        a0, a1, a2, a3 = delta[0, i], delta[1, i], delta[2, i], delta[3, i]
        b0, b1, b2, b3 = delta[0, i + 1], delta[1, i + 1], delta[2, i + 1], delta[3, i + 1]
        p0 = p1 = p2 = p3 = q0 = q1 = q2 = q3 = zero
        wa, ma, ka = w[i], m[i], mask[i]
        wb, mb, kb = w[i + 1], m[i + 1], mask[i + 1]
        for k in range(len(wa)):
            s0, s1, s2, s3 = x0[k], x1[k], x2[k], x3[k]
            ga = a0 * s0 + a1 * s1 + a2 * s2 + a3 * s3
            gb = b0 * s0 + b1 * s1 + b2 * s2 + b3 * s3
            va = momentum * ma[k] + (ga if ka[k] else zero)
            vb = momentum * mb[k] + (gb if kb[k] else zero)
            ua = wa[k] - learning_rate * va
            ub = wb[k] - learning_rate * vb
            ma[k], mb[k], wa[k], wb[k] = va, vb, ua, ub
            t0, t1, t2, t3 = y0[k], y1[k], y2[k], y3[k]
            p0 += ua * t0
            p1 += ua * t1
            p2 += ua * t2
            p3 += ua * t3
            q0 += ub * t0
            q1 += ub * t1
            q2 += ub * t2
            q3 += ub * t3
        out[0, i], out[1, i], out[2, i], out[3, i] = p0, p1, p2, p3
        out[0, i + 1], out[1, i + 1], out[2, i + 1], out[3, i + 1] = q0, q1, q2, q3


@compiled
@no_type_check
def update(w, m, mask, gradient, learning_rate, momentum):
    """SGD step of the incoming weights."""
    zero = w.dtype.type(0)
    for i in range(len(w)):
        wi, mi, ki, gi = w[i], m[i], mask[i], gradient[i]
        for k in range(len(wi)):
            v = momentum * mi[k] + (gi[k] if ki[k] else zero)
            mi[k] = v
            wi[k] -= learning_rate * v


@compiled
@no_type_check
def gather(features, batch, index, out):
    """A minibatch's samples as rows, their numbers in `index`; returns how many. The other rows are 0."""
    n = 0
    for q in range(len(batch)):
        if batch[q] >= 0:
            index[n] = batch[q]
            copy(features[batch[q]], 0, out[n], 0, out.shape[1])
            n += 1
    for q in range(n, len(out)):
        to = out[q]
        for k in range(len(to)):
            to[k] = to.dtype.type(0)
    return n


@compiled
@no_type_check
def train(
    gemm, features, labels, order, w, m, mask, w_out, velocity, mask_out, learning_rate, momentum
):  # fmt: skip
    """All steps of `order` of one network, whose weights are rows of an even number of neurons."""
    batch = order.shape[1]
    fused = batch <= FUSED
    rows = max(batch, FUSED)
    x = np.empty((rows, features.shape[1]), w.dtype)
    following = np.empty((rows, features.shape[1]), w.dtype)
    index = np.empty(rows, np.int64)
    pre = np.empty((rows, len(w)), w.dtype)
    delta = np.zeros((rows, len(w)), w.dtype)
    residual = np.empty((rows, len(w_out)), w.dtype)
    gradient = np.empty((0 if fused else len(w), w.shape[1]), w.dtype)
    n = gather(features, order[0], index, x)
    multiply(gemm, x, False, w, True, w.dtype.type(0), pre)
    for step in range(len(order)):
        h = pre[:n]
        rectify(h)
        step_outputs(h, w_out, velocity, labels, index, residual[:n], delta, learning_rate, momentum)
        for q in range(n, rows):
            for i in range(len(w)):
                delta[q, i] = w.dtype.type(0)
        for c in range(len(w_out)):
            for i in range(len(w)):
                velocity[c, i] *= mask_out[c, i]
                w_out[c, i] *= mask_out[c, i]
        n = gather(features, order[min(step + 1, len(order) - 1)], index, following)
        if fused:
            fused_step(w, m, mask, delta, x, following, pre, learning_rate, momentum)
        else:
            multiply(gemm, delta, True, x, False, w.dtype.type(0), gradient)
            update(w, m, mask, gradient, learning_rate, momentum)
            multiply(gemm, following, False, w, True, w.dtype.type(0), pre)
        x, following = following, x
