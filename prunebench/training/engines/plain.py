"""The definition: one network at a time, plain autograd, `torch.optim.SGD`'s update."""

import torch

from prunebench.training.engines.base import Engine, Problem
from prunebench.training.order import PAD
from prunebench.training.state import State


class PlainEngine(Engine):
    """A textbook loop that the other engines are tested against. Slow on purpose: nothing in it is clever."""

    def __init__(self, problem: Problem, state: State) -> None:
        super().__init__(problem, state)
        self._networks = state.networks.clone()
        self._velocity = state.velocity.clone()

    def advance(self, step: int) -> None:
        """Train until `step` steps have been taken in all."""
        for s in range(self._networks.seeds):
            self._train_one(s, step)
        self.step = step

    def state(self) -> State:
        """The current state; later training does not change it."""
        return State(self._networks.clone(), self.step, self._velocity.clone())

    def _train_one(self, s: int, until: int) -> None:
        problem = self.problem
        weights = [t[s].clone().requires_grad_() for t in self._networks.tensors]
        velocities = [t[s].clone() for t in self._velocity.tensors]
        masks = None if problem.masks is None else (problem.masks.w_in[s], None, problem.masks.w_out[s])
        w_in, bias, w_out = weights
        for batch in problem.orders[problem.order_of[s], self.step : until]:
            samples = batch[batch != PAD]
            hidden = torch.relu(problem.x[samples] @ w_in.T + bias)
            loss = torch.nn.functional.cross_entropy(hidden @ w_out.T, problem.y[samples])
            gradients = torch.autograd.grad(loss, weights)
            with torch.no_grad():
                for i, (weight, velocity, gradient) in enumerate(
                    zip(weights, velocities, gradients, strict=True)
                ):
                    mask = None if masks is None else masks[i]
                    velocity.mul_(problem.momentum).add_(gradient if mask is None else gradient * mask)
                    weight.sub_(velocity, alpha=problem.learning_rate)
        for whole, part in zip(self._networks.tensors, weights, strict=True):
            whole[s] = part.detach()
        for whole, part in zip(self._velocity.tensors, velocities, strict=True):
            whole[s] = part
