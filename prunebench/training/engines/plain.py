"""The definition: one network at a time, an ordinary module and `torch.optim.SGD`."""

import torch

from prunebench.networks.module import with_tensors
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
        tensors = {name: tensor[0] for name, tensor in state.networks.tensors.items()}
        module = with_tensors(state.networks.architecture.module, tensors).train()
        weights = dict(module.named_parameters())
        masks = {} if problem.masks is None else problem.masks.tensors
        optimiser = torch.optim.SGD(weights.values(), lr=problem.learning_rate, momentum=problem.momentum)
        for name, weight in weights.items():
            optimiser.state[weight]["momentum_buffer"] = state.velocity[name][0].clone()
        for batch in problem.orders[problem.order_of[s], self.step : until]:
            samples = batch[batch != PAD]
            optimiser.zero_grad()
            torch.nn.functional.cross_entropy(module(problem.x[samples]), problem.y[samples]).backward()
            for name, mask in masks.items():
                gradient = weights[name].grad
                assert gradient is not None
                gradient.mul_(mask[s])
            optimiser.step()
        networks = {name: tensor.detach()[None] for name, tensor in module.state_dict().items()}
        velocity = dict(state.velocity.tensors)
        for name, weight in weights.items():  # without momentum the optimiser keeps no velocity
            last = optimiser.state[weight]["momentum_buffer"] if problem.momentum else weight.grad
            velocity[name] = velocity[name] if last is None else last[None]
        return State(state.networks.like(networks), until, state.velocity.like(velocity))
