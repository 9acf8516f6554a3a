"""What the compiled CPU engines share: one network per thread, curves and states put together from them."""

from abc import abstractmethod
from typing import Any

import numpy as np
import scipy.linalg.cython_blas  # the BLAS that compiled code calls must be loaded before it can be pinned
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from prunebench.networks import Networks
from prunebench.threads import Threads
from prunebench.training.engines import kernels
from prunebench.training.engines.base import Engine, Problem
from prunebench.training.state import State

assert scipy.linalg.cython_blas
Array = NDArray[Any]


class CompiledEngine(Engine):
    """Trains networks side by side, each on one thread, through functions that numba compiled."""

    def __init__(self, problem: Problem, state: State) -> None:
        super().__init__(problem, state)
        self._start = state  # only read
        self._threads = Threads(flush=True)
        self._labels = problem.y.numpy()
        self._orders, self._order_of = problem.orders.numpy(), problem.order_of.numpy()
        self._dtype = problem.x.numpy().dtype
        self._gemm = kernels.Gemm(self._dtype)
        self._rate = self._dtype.type(problem.recipe.learning_rate)
        self._momentum = self._dtype.type(problem.recipe.momentum)
        # A subclass may keep more neurons than there are; the first ones are real.
        self._w_out = state.networks.w_out.numpy().copy()
        self._velocity = state.velocity.w_out.numpy().copy()
        # What one thread trains at a time.
        self._units = state.networks.seeds

    @abstractmethod
    def _train(self, unit: int, step: int) -> None:
        """Train one unit (a network, unless a subclass says more) until `step` steps were taken in all."""

    @abstractmethod
    def _incoming(self, s: int) -> tuple[Array, Array]:
        """Incoming weights of network `s` and their velocity, (d, D + 1), the bias in the last column."""

    @abstractmethod
    def _pre_activations(self, s: int) -> Array:
        """`W x + b` of network `s` over the training set, (samples, neurons)."""

    def advance(self, step: int) -> None:
        """Train until `step` steps have been taken in all."""
        if step > self.step:
            self._threads.each(lambda unit: self._train(unit, step), self._units)
            self.step = step

    def state(self) -> State:
        """The current state; later training does not change it."""
        if self.step == self._start.step:
            return self._start
        networks, velocity = (self._start.networks.map(torch.empty_like) for _ in range(2))

        def recover(s: int) -> None:
            outgoing = (self._w_out[s], self._velocity[s])
            for nets, w_in, w_out in zip((networks, velocity), self._incoming(s), outgoing, strict=True):
                nets.w_in[s] = torch.from_numpy(w_in[:, :-1])
                nets.bias[s] = torch.from_numpy(w_in[:, -1])
                nets.w_out[s] = torch.from_numpy(w_out[:, : nets.units])

        self._threads.each(recover, networks.seeds)
        return State(networks, self.step, velocity)

    def curves(self) -> tuple[Float[Tensor, " seeds"], Float[Tensor, " seeds"]]:
        """Mean loss and accuracy of each network over the whole training set."""

        def sums(s: int) -> tuple[float, float]:
            return kernels.evaluate(self._pre_activations(s), self._w_out[s], self._labels)

        points = np.array(self._threads.each(sums, len(self._w_out))) / len(self._labels)
        loss, accuracy = torch.from_numpy(points.T).to(self.problem.x.dtype)
        return loss, accuracy


def joined(nets: Networks, s: int) -> Array:
    """Incoming weights of network `s` with its biases as a last column, (d, D + 1)."""
    return np.hstack([nets.w_in[s].numpy(), nets.bias[s].numpy()[:, None]])
