"""The CPU's engine for masked networks: one sweep over the weights per step (see sweep.py)."""

import numpy as np
import torch

from prunebench.networks import Masks
from prunebench.training.engines import sweep
from prunebench.training.engines.base import Problem
from prunebench.training.engines.compiled import Array, CompiledEngine, joined
from prunebench.training.state import State

LINE = 64  # bytes of a cache line; rows that start on one are read a quarter faster


class MaskedEngine(CompiledEngine):
    """Textbook SGD with momentum on masked weights. Without masks it trains all weights."""

    def __init__(self, problem: Problem, state: State) -> None:
        super().__init__(problem, state)
        networks, width, inputs = state.networks.w_in.shape
        self._columns = inputs + 1
        step = LINE // self._dtype.itemsize
        rows, columns = width + width % 2, -(-self._columns // step) * step
        self._x = _aligned((len(problem.x), columns), self._dtype)
        self._x[:, :inputs], self._x[:, inputs] = problem.x.numpy(), 1
        self._w, self._m = (_aligned((networks, rows, columns), self._dtype) for _ in range(2))
        self._mask = _aligned((networks, rows, columns), np.dtype(bool))
        masks = problem.masks or Masks.full(state.networks)
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
        sweep.train(
            self._gemm, self._x, self._labels, order, self._w[s], self._m[s], self._mask[s],
            self._w_out[s], self._velocity[s], self._mask_out[s], self._rate, self._momentum,
        )  # fmt: skip

    def _incoming(self, s: int) -> tuple[Array, Array]:
        real = (s, slice(self._start.networks.width), slice(self._columns))
        return self._w[real], self._m[real]

    def _pre_activations(self, s: int) -> Array:
        return self._x @ self._w[s].T


def _aligned(shape: tuple[int, ...], dtype: np.dtype[np.generic]) -> Array:
    """Zeros that start on a cache line."""
    size = int(np.prod(shape)) * dtype.itemsize
    raw = np.zeros(size + LINE, np.uint8)
    start = -raw.ctypes.data % LINE
    return raw[start : start + size].view(dtype).reshape(shape)
