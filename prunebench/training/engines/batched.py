"""All networks at once: the same step in closed form, as batched matrix products."""

import torch
from jaxtyping import Int64
from torch import Tensor

from prunebench.training.engines.base import Engine, Problem
from prunebench.training.engines.forms import block_steps
from prunebench.training.engines.recorded import Recorded
from prunebench.training.order import PAD
from prunebench.training.state import State

# Velocities decay by mu a step where a neuron is silent; below this they cannot move any float32 weight that
# matters, and left alone they would become denormal numbers, which slow a CPU down several times.
NEGLIGIBLE = 1e-30


class BatchedEngine(Engine):
    """The plain step for all seeds together: gradients by appendix A of the paper instead of autograd.

    On CUDA the steps of a block are one graph.
    """

    def __init__(self, problem: Problem, state: State) -> None:
        super().__init__(problem, state)
        self._networks = state.networks.clone()
        self._velocity = state.velocity.clone()
        self._one_hot = torch.nn.functional.one_hot(problem.y, state.networks.outputs).to(problem.x)
        seeds, batch = state.networks.seeds, problem.orders.shape[2]
        self.block = block_steps(batch, problem.curve_every)
        self._train = Recorded(self._take_steps, (seeds, self.block, batch))

    def advance(self, step: int) -> None:
        """Train until `step` steps have been taken in all."""
        while self.step < step:
            last = min(step, self.step + self.block - self.step % self.block)
            self._train(self.problem.minibatches(self.step, last))
            self.step = last

    def state(self) -> State:
        """The current state; later training does not change it."""
        return State(self._networks.clone(), self.step, self._velocity.clone())

    def _take_steps(self, order: Int64[Tensor, "seeds steps batch"]) -> None:
        for batch in order.unbind(dim=1):
            self._take_step(batch)
        if order.device.type == "cpu":  # a GPU is as fast with denormal numbers
            flush(*self._velocity.tensors)

    def _take_step(self, batch: Int64[Tensor, "seeds batch"]) -> None:
        problem, masks = self.problem, self.problem.masks
        w_in, bias, w_out = self._networks.tensors
        present = (batch != PAD).to(problem.x)[:, :, None]
        index = batch.clamp(min=0)  # a pad reads some sample; its residual is 0
        x = problem.x[index]
        hidden = torch.baddbmm(bias[:, None, :], x, w_in.mT).relu_()
        residual = torch.softmax(hidden @ w_out.mT, dim=2) - self._one_hot[index]
        residual *= present / present.sum(dim=1, keepdim=True)
        back = torch.ops.aten.threshold_backward(residual @ w_out, hidden, 0)
        velocity, momentum = self._velocity, problem.momentum
        velocity.w_in.baddbmm_(back.mT, x, beta=momentum)
        velocity.bias.mul_(momentum).add_(back.sum(dim=1))
        velocity.w_out.baddbmm_(residual.mT, hidden, beta=momentum)
        if masks is not None:
            velocity.w_in.mul_(masks.w_in)
            velocity.w_out.mul_(masks.w_out)
        for weight, change in zip(self._networks.tensors, velocity.tensors, strict=True):
            weight.sub_(change, alpha=problem.learning_rate)


def flush(*velocities: Tensor) -> None:
    """Set what is negligible to 0."""
    for velocity in velocities:
        velocity.masked_fill_(velocity.abs() < NEGLIGIBLE, 0)
