"""All networks at once: the same step in closed form, as batched matrix products."""

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from prunebench.training.engines.base import Engine, Problem
from prunebench.training.order import PAD
from prunebench.training.state import State

# Velocities decay by mu a step where a neuron is silent; below this they cannot move any float32 weight that
# matters, and left alone they would become denormal numbers, which slow a CPU down several times (DESIGN 7).
NEGLIGIBLE = 1e-30
FLUSH_EVERY = 64


class BatchedEngine(Engine):
    """The plain step for all seeds together: gradients by appendix A of the paper instead of autograd."""

    def __init__(self, problem: Problem, state: State) -> None:
        super().__init__(problem, state)
        self._networks = state.networks.clone()
        self._velocity = state.velocity.clone()
        self._one_hot = torch.nn.functional.one_hot(problem.y, state.networks.outputs).to(problem.x)

    def advance(self, step: int) -> None:
        """Train until `step` steps have been taken in all."""
        while self.step < step:
            self._take_step(self.problem.orders[self.problem.order_of, self.step])
            self.step += 1
            if self.step % FLUSH_EVERY == 0:
                for velocity in self._velocity.tensors:
                    velocity[velocity.abs() < NEGLIGIBLE] = 0

    def state(self) -> State:
        """The current state; later training does not change it."""
        return State(self._networks.clone(), self.step, self._velocity.clone())

    def _take_step(self, batch: Int64[Tensor, "seeds batch"]) -> None:
        problem, (w_in, bias, w_out) = self.problem, self._networks.tensors
        present = (batch != PAD).to(problem.x)[:, :, None]
        x: Float[Tensor, "seeds batch inputs"] = problem.x[batch]  # a pad reads some row; its residual is 0
        hidden = torch.relu(torch.baddbmm(bias[:, None, :], x, w_in.mT))
        residual = torch.softmax(hidden @ w_out.mT, dim=2) - self._one_hot[batch]
        residual *= present / present.sum(dim=1, keepdim=True)
        back = (residual @ w_out) * (hidden > 0)
        gradients = (back.mT @ x, back.sum(dim=1), residual.mT @ hidden)
        if problem.masks is not None:
            gradients[0].mul_(problem.masks.w_in)
            gradients[2].mul_(problem.masks.w_out)
        for weight, velocity, gradient in zip(
            self._networks.tensors, self._velocity.tensors, gradients, strict=True
        ):
            velocity.mul_(problem.momentum).add_(gradient)
            weight.sub_(velocity, alpha=problem.learning_rate)
