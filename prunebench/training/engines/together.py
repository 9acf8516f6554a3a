"""Any network: PyTorch's own gradient of the module, mapped over the seeds where that is faster."""

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.func import functional_call, vmap
from torch.nn.functional import cross_entropy

from prunebench.errors import RequestError, in_words
from prunebench.networks import Networks
from prunebench.networks.attention import PlainAttention
from prunebench.networks.derivatives import SAMPLES_AT_ONCE
from prunebench.networks.module import CONVOLUTIONS, own_tensors, with_tensors
from prunebench.training.engines.base import Engine, Problem
from prunebench.training.engines.graphed import Graph
from prunebench.training.engines.update import Update
from prunebench.training.order import PAD
from prunebench.training.state import State

# Of weights in place, samples (S, B, ...) and labels (S, B) to the gradients of each.
Gradient = Callable[[Tensor, Tensor], list[Tensor]]
# On a CPU: samples in a minibatch up to which several networks at once are faster, with convolutions (which
# become grouped ones, which are slower) and without; and how many are (docs/networks-bench.md). Fewer cost
# more than one by one, and beyond such minibatches Python and dispatch cost little.
CONVOLVED_BATCH, MULTIPLIED_BATCH = 4, 64
FEWEST, MOST = 4, 10
# What CUDA says of a forward pass that takes numbers from the CPU, or waits for the device in a graph.
FROM_ELSEWHERE = ("on the same device", "captur")


@contextmanager
def _on_its_device() -> Iterator[None]:
    """Says what to do where a network's code does not stay there."""
    try:
        yield
    except RuntimeError as error:
        if not any(part in str(error) for part in FROM_ELSEWHERE):
            raise
        accepted = "forward() must not wait for the device, where all it needs must be: see register_buffer"
        raise RequestError("network", in_words(error), accepted) from error


class TogetherEngine(Engine):
    """The gradient of all networks at once, that of `vmap(loss)`, and one update of all tensors.

    Batch normalisation sees each network's own minibatch and moves its running statistics. On CUDA a step is
    one graph. On a CPU an engine has few networks, often one, whose gradient is then taken the ordinary way;
    there are as many engines as it takes, side by side.
    """

    side_by_side = True

    def __init__(self, problem: Problem, state: State) -> None:
        super().__init__(problem, state)
        networks, device = state.networks, problem.x.device
        self._update = Update(problem, state)
        self._trainable = networks.architecture.trainable
        self._module = copy.deepcopy(networks.architecture.module)
        if networks.seeds == 1 and device.type == "cpu":
            tensors = {name: tensor[0] for name, tensor in networks.tensors.items()}
            self._module = with_tensors(self._module, tensors)
            own = {name: tensor.detach()[None] for name, tensor in own_tensors(self._module).items()}
            self._networks = networks.like({name: own[name] for name in networks.tensors})
            self._gradient = _of_one(self._module, self._trainable)
        else:
            self._networks = networks.clone()
            self._gradient = _of_all(self._module, self._networks)
        self._weights = [self._networks[name] for name in self._trainable]
        self._sizes = (problem.orders[0] != PAD).sum(dim=1).tolist()  # a smaller minibatch is so for all
        # A graph holds the learning rate that it was recorded with.
        constant = problem.recipe.schedule == "constant"
        self._graph = Graph((networks.seeds, problem.orders.shape[2])) if constant else None

    @classmethod
    def networks_at_once(cls, problem: Problem, state: State) -> int:
        """All on CUDA; on a CPU some, so that each thread has its own."""
        networks = state.networks
        if problem.x.device.type != "cpu":
            return networks.seeds
        return on_a_thread(networks.architecture.module, problem.orders.shape[2], networks.seeds)

    @_on_its_device()
    def advance(self, step: int) -> None:
        """Train until `step` steps have been taken in all."""
        order = self.problem.minibatches(self.step, step)
        self._module.train()
        for batch, size in zip(order.unbind(dim=1), self._sizes[self.step : step], strict=True):
            if self._graph is None:
                self._take_step(batch[:, :size])
            else:
                self._graph(self._take_step, batch[:, :size])
            self.step += 1

    def state(self) -> State:
        """The current state; later training does not change it."""
        return self._update.state(self._networks, self.step)

    @_on_its_device()
    def _logits(self) -> Float[Tensor, "seeds samples outputs"]:
        """Of each network on the whole training set."""
        self._module.eval()
        rows = []
        with torch.no_grad():
            for s in range(self._networks.seeds):
                tensors = {name: tensor[s] for name, tensor in self._networks.tensors.items()}
                parts = self.problem.x.split(SAMPLES_AT_ONCE)
                rows.append(torch.cat([functional_call(self._module, tensors, (part,)) for part in parts]))
        return torch.stack(rows)

    def _take_step(self, batch: Int64[Tensor, "seeds batch"]) -> None:
        problem = self.problem
        gradients = self._gradient(problem.x[batch], problem.y[batch])
        self._update.take(self._weights, gradients, problem.recipe.rate(self.step))


def on_a_thread(module: nn.Module, batch: int, seeds: int) -> int:
    """How many of the networks a thread takes at once."""
    convolves = any(isinstance(inside, CONVOLUTIONS) for inside in module.modules())
    threads = torch.get_num_threads()
    busy = min(threads, seeds // FEWEST)
    if batch > (CONVOLVED_BATCH if convolves else MULTIPLIED_BATCH) or busy < min(threads, 2):
        return 1
    return min(MOST, -(-seeds // busy))


def _of_one(module: nn.Module, trainable: tuple[str, ...]) -> Gradient:
    """The gradient of a module's own weights."""
    weights = [module.get_parameter(name) for name in trainable]

    def gradient(x: Tensor, y: Tensor) -> list[Tensor]:
        loss = cross_entropy(module(x[0]), y[0])
        return [one[None] for one in torch.autograd.grad(loss, weights)]

    return gradient


def _of_all(module: nn.Module, networks: Networks) -> Gradient:
    """The gradients of networks that share a module without weights."""
    trainable, attends = networks.architecture.trainable, networks.architecture.attends
    trained = {name: networks[name] for name in trainable}
    rest = {name: tensor for name, tensor in networks.tensors.items() if name not in trained}

    def loss(trained: dict[str, Tensor], rest: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
        # Under `vmap` CUDA's kernels of attention see nothing that needs a gradient, and keep nothing.
        with PlainAttention() if attends else nullcontext():
            logits = functional_call(module, (trained, rest), (x,))
        # Cross-entropy of operations that a CUDA graph can hold: PyTorch's own may wait for the device.
        return -logits.log_softmax(dim=1).gather(1, y[:, None]).mean()

    losses = vmap(loss)

    def gradient(x: Tensor, y: Tensor) -> list[Tensor]:
        # No network's loss depends on another's weights. `vmap(grad(loss))` would do, too, but keeps what a
        # second derivative needs, and imports PyTorch's compiler, for a second.
        leaves = {name: tensor.detach().requires_grad_() for name, tensor in trained.items()}
        there = {name: tensor.detach() for name, tensor in rest.items()}  # written into, it has no history
        with torch.enable_grad():
            return list(torch.autograd.grad(losses(leaves, there, x, y).sum(), list(leaves.values())))

    return gradient
