"""All networks at once: the same step in closed form, as batched matrix products."""

import torch
from jaxtyping import Int64
from torch import Tensor

from prunebench.training.engines.base import Problem
from prunebench.training.engines.graphed import GraphedEngine, flush
from prunebench.training.order import PAD
from prunebench.training.state import State


class BatchedEngine(GraphedEngine):
    """The plain step for all seeds together: gradients by appendix A of the paper instead of autograd."""

    def __init__(self, problem: Problem, state: State) -> None:
        super().__init__(problem, state)
        self._networks = state.networks.clone()
        self._velocity = state.velocity.clone()

    def state(self) -> State:
        """The current state; later training does not change it."""
        return State(self._networks.clone(), self.step, self._velocity.clone())

    def _train_block(self, order: Int64[Tensor, "seeds steps batch"]) -> None:
        for batch in order.unbind(dim=1):
            self._take_step(batch)
        flush(*self._velocity.tensors.values())

    def _take_step(self, batch: Int64[Tensor, "seeds batch"]) -> None:
        problem, masks = self.problem, self.problem.masks
        w_in, bias, w_out = self._networks.tensors.values()
        present = (batch != PAD).to(problem.x)[:, :, None]
        index = batch.clamp(min=0)  # a pad reads some sample; its residual is 0
        x = problem.x[index]
        hidden = torch.baddbmm(bias[:, None, :], x, w_in.mT).relu_()
        residual = torch.softmax(hidden @ w_out.mT, dim=2) - self._one_hot[index]
        residual *= present / present.sum(dim=1, keepdim=True)
        back = torch.ops.aten.threshold_backward(residual @ w_out, hidden, 0)
        velocity, momentum = self._velocity, problem.recipe.momentum
        velocity.w_in.baddbmm_(back.mT, x, beta=momentum)
        velocity.bias.mul_(momentum).add_(back.sum(dim=1))
        velocity.w_out.baddbmm_(residual.mT, hidden, beta=momentum)
        if masks is not None:
            velocity.w_in.mul_(masks.w_in)
            velocity.w_out.mul_(masks.w_out)
        for weight, change in zip((w_in, bias, w_out), velocity.tensors.values(), strict=True):
            weight.sub_(change, alpha=problem.recipe.learning_rate)
