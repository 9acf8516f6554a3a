"""The definition: one network at a time, plain autograd, `torch.optim.SGD`'s update."""

import torch

from prunebench.networks import Networks
from prunebench.training.engines.base import Engine, Problem
from prunebench.training.order import PAD
from prunebench.training.state import State


class PlainEngine(Engine):
    """A textbook loop that the other engines are tested against. Slow on purpose: nothing in it is clever."""

    def __init__(self, problem: Problem, state: State) -> None:
        super().__init__(problem, state)
        self._state = state

    def advance(self, step: int) -> None:
        """Train until `step` steps have been taken in all."""
        self._state = State.cat([self._trained(s, step) for s in range(self._state.networks.seeds)])
        self.step = step

    def state(self) -> State:
        """The current state; later training does not change it."""
        return self._state

    def _trained(self, s: int, until: int) -> State:
        problem, state = self.problem, self._state.select(s)
        weights = [t[0].clone().requires_grad_() for t in state.networks.tensors]
        velocities = [t[0].clone() for t in state.velocity.tensors]
        masks = [None] * 3 if problem.masks is None else [problem.masks.w_in[s], None, problem.masks.w_out[s]]
        w_in, bias, w_out = weights
        for batch in problem.orders[problem.order_of[s], self.step : until]:
            samples = batch[batch != PAD]
            hidden = torch.relu(problem.x[samples] @ w_in.T + bias)
            loss = torch.nn.functional.cross_entropy(hidden @ w_out.T, problem.y[samples])
            gradients = torch.autograd.grad(loss, weights)
            with torch.no_grad():
                for weight, velocity, gradient, mask in zip(
                    weights, velocities, gradients, masks, strict=True
                ):
                    velocity.mul_(problem.momentum).add_(gradient if mask is None else gradient * mask)
                    weight.sub_(velocity, alpha=problem.learning_rate)
        ends = (Networks(*(t.detach()[None] for t in tensors)) for tensors in (weights, velocities))
        return State(next(ends), until, next(ends))
