"""The definition: one network at a time, an ordinary module and `torch.optim`."""

import torch
from torch import Tensor, nn

from prunebench.networks import Networks
from prunebench.networks.build import stack
from prunebench.networks.module import with_tensors
from prunebench.training.engines.base import ADAM_BETA, ADAM_EPSILON, Engine, Problem
from prunebench.training.order import PAD
from prunebench.training.state import State


class PlainEngine(Engine):
    """A textbook loop that the other engines are tested against. Slow on purpose: nothing in it is clever."""

    def __init__(self, problem: Problem, state: State) -> None:
        super().__init__(problem, state)
        self._state = state

    def advance(self, step: int) -> None:
        """Train until `step` steps have been taken in all."""
        if step > self.step:
            self._state = State.cat([self._trained(s, step) for s in range(self._state.networks.seeds)])
            self.step = step

    def state(self) -> State:
        """The current state; later training does not change it."""
        return self._state

    def _trained(self, s: int, until: int) -> State:
        problem, recipe, state = self.problem, self.problem.recipe, self._state.select(s)
        tensors = {name: tensor[0] for name, tensor in state.networks.tensors.items()}
        module = with_tensors(state.networks.architecture.module, tensors).train()
        weights = {name: weight for name, weight in module.named_parameters() if weight.requires_grad}
        masks = {} if problem.masks is None else problem.masks.tensors
        optimiser = _optimiser(problem, state, weights)
        order = problem.orders[problem.order_of[s]]
        for step in range(self.step, until):
            samples = order[step][order[step] != PAD]
            optimiser.param_groups[0]["lr"] = recipe.rate(step)
            optimiser.zero_grad()
            nn.functional.cross_entropy(module(problem.x[samples]), problem.y[samples]).backward()
            for name, mask in masks.items():
                if name in weights:  # others do not move
                    gradient = weights[name].grad
                    assert gradient is not None
                    gradient.mul_(mask[s])
            optimiser.step()
        memory = {name: optimiser.state[weight] for name, weight in weights.items()}
        velocity = {name: memory[name][_VELOCITY[recipe.optimizer]] for name in memory}
        if recipe.optimizer == "sgd" and not recipe.momentum:  # it keeps none: the last gradient then
            velocity = {name: weight.grad for name, weight in weights.items()}
        squares = {name: memory[name][_SQUARES] for name in memory if _SQUARES in memory[name]}

        def batch(tensors: dict[str, Tensor]) -> Networks:
            return state.networks.like({name: tensor.detach()[None] for name, tensor in tensors.items()})

        networks = stack(state.networks.architecture, [module])
        return State(networks, until, batch(velocity), batch(squares) if squares else None, state.began)


# What `torch.optim` calls a state's velocity and squares.
_VELOCITY, _SQUARES = {"sgd": "momentum_buffer", "adam": "exp_avg"}, "exp_avg_sq"


def _optimiser(problem: Problem, state: State, weights: dict[str, nn.Parameter]) -> torch.optim.Optimizer:
    """With what it remembers."""
    recipe = problem.recipe
    rate, momentum, decay = recipe.learning_rate, recipe.momentum, recipe.weight_decay
    adam = recipe.optimizer == "adam"
    optimiser: torch.optim.Optimizer
    if adam:
        optimiser = torch.optim.Adam(weights.values(), rate, (momentum, ADAM_BETA), ADAM_EPSILON, decay)
    else:
        optimiser = torch.optim.SGD(weights.values(), rate, momentum, weight_decay=decay)
    for name, weight in weights.items():
        memory: dict[str, Tensor] = optimiser.state[weight]
        memory[_VELOCITY[recipe.optimizer]] = state.velocity[name][0].clone()
        if adam:
            squares = torch.zeros_like(weight) if state.squares is None else state.squares[name][0].clone()
            memory[_SQUARES] = squares.detach()
            memory["step"] = torch.tensor(float(state.step - state.began))
    return optimiser
