"""The step of an optimiser for many networks: `torch.optim`'s own, on all tensors at once."""

from typing import Any

import torch
from torch import Tensor
from torch.optim.adam import adam
from torch.optim.sgd import sgd

from prunebench.networks import Networks
from prunebench.training.engines.base import ADAM_BETA, ADAM_EPSILON, Problem
from prunebench.training.state import State


class Update:
    """What gradients do to the weights, in place: number by number, so that no network sees another.

    A step depends on nothing but shapes and the device's own numbers where the learning rate is constant, so
    that it can be part of a CUDA graph.
    """

    def __init__(self, problem: Problem, state: State) -> None:
        self._recipe = problem.recipe
        self._velocity, self._began = state.velocity.clone(), state.began
        self._velocities = list(self._velocity.tensors.values())
        self._squares = None
        if problem.recipe.optimizer == "adam":
            self._squares = (state.squares or state.velocity.zeros_like()).clone()
            taken = torch.tensor(float(state.step - state.began), device=problem.x.device)
            self._taken = [taken.clone() for _ in self._velocities]
        masks = {} if problem.masks is None else problem.masks.tensors
        self._masks = [masks.get(name) for name in self._velocity.tensors]

    def take(self, weights: list[Tensor], gradients: list[Tensor], rate: float) -> None:
        """One step of weights (in the order of the velocity's names), at this learning rate."""
        recipe = self._recipe
        gradients = [
            (gradient if mask is None else gradient * mask).contiguous()  # the fused step counts on that
            for gradient, mask in zip(gradients, self._masks, strict=True)
        ]
        usual: dict[str, Any] = {"lr": rate, "weight_decay": recipe.weight_decay, "maximize": False}
        if self._squares is not None:
            squares = list(self._squares.tensors.values())
            usual |= {"beta1": recipe.momentum, "beta2": ADAM_BETA, "eps": ADAM_EPSILON, "amsgrad": False}
            adam(weights, gradients, self._velocities, squares, [], self._taken, fused=True, **usual)
            return
        usual |= {"momentum": recipe.momentum, "dampening": 0.0, "nesterov": False}
        sgd(weights, gradients, list(self._velocities), fused=True, **usual)
        if not recipe.momentum:
            torch._foreach_copy_(self._velocities, gradients)

    def state(self, networks: Networks, step: int) -> State:
        """A copy of these networks with what is remembered, which later steps do not change."""
        return State(networks, step, self._velocity, self._squares, self._began).clone()
