"""Any network, all seeds at once: PyTorch's own gradient of the module, mapped over the seeds."""

import copy

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.func import functional_call, grad, vmap

from prunebench.training.engines.base import Engine, Problem
from prunebench.training.engines.graphed import NEGLIGIBLE, GraphedCallable
from prunebench.training.order import PAD
from prunebench.training.state import State

# Steps after which what is negligible in the velocities is set to 0 (see `flush`), and to which slices keep.
_BLOCK = 32


class TogetherEngine(Engine):
    """`vmap(grad(loss))` of the module (`torch.func.functional_call`), and one update of all tensors.

    Batch normalisation sees each network's own minibatch and moves its running statistics. On CUDA a step is
    one graph.
    """

    block = _BLOCK

    def __init__(self, problem: Problem, state: State) -> None:
        super().__init__(problem, state)
        self._networks = state.networks.clone()
        self._velocity = state.velocity.clone()
        architecture = self._networks.architecture
        self._trained = {name: self._networks[name] for name in architecture.trainable}
        self._rest = {name: t for name, t in self._networks.tensors.items() if name not in self._trained}
        self._velocities = [self._velocity[name] for name in self._trained]
        self._masks = None
        if problem.masks is not None:
            self._masks = [problem.masks.tensors.get(name) for name in self._trained]
        module = copy.deepcopy(architecture.module).train()

        def loss(trained: dict[str, Tensor], rest: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
            logits = functional_call(module, (trained, rest), (x,))
            return torch.nn.functional.cross_entropy(logits, y)

        self._gradient = vmap(grad(loss))
        self._sizes = (problem.orders[0] != PAD).sum(dim=1).tolist()  # a smaller minibatch is so for all
        batch = problem.orders.shape[2]
        self._take = GraphedCallable(self._take_step, (self._networks.seeds, batch))

    def advance(self, step: int) -> None:
        """Train until `step` steps have been taken in all."""
        while self.step < step:
            last = min(step, self.step + _BLOCK)
            order = self.problem.minibatches(self.step, last)
            for number in range(last - self.step):
                self._take(order[:, number, : self._sizes[self.step + number]])
            self.step = last
            if order.device.type == "cpu":
                flush(self._velocities)

    def state(self) -> State:
        """The current state; later training does not change it."""
        return State(self._networks.clone(), self.step, self._velocity.clone())

    def _take_step(self, batch: Int64[Tensor, "seeds batch"]) -> None:
        problem, velocities = self.problem, self._velocities
        found = self._gradient(self._trained, self._rest, problem.x[batch], problem.y[batch])
        gradients = [found[name] for name in self._trained]
        if self._masks is not None:
            gradients = [g if m is None else g * m for g, m in zip(gradients, self._masks, strict=True)]
        torch._foreach_mul_(velocities, problem.momentum)
        torch._foreach_add_(velocities, gradients)
        torch._foreach_add_(list(self._trained.values()), velocities, alpha=-problem.learning_rate)


def flush(velocities: list[Float[Tensor, "seeds ..."]]) -> None:
    """Set what is negligible to 0: denormal numbers slow a CPU down several times."""
    for velocity in velocities:
        velocity.masked_fill_(velocity.abs() < NEGLIGIBLE, 0)
