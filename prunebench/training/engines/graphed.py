"""All networks at once, and on a GPU a block of steps as one CUDA graph: no step waits for Python."""

import gc
from abc import abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from jaxtyping import Int64
from torch import Tensor

from prunebench.training.engines.base import Engine, Problem
from prunebench.training.engines.forms import block_steps, dual_is_cheaper
from prunebench.training.state import State

# Bytes of a block's samples and of their deltas that are in memory at once. Only large minibatches reach it.
PART_BYTES = 2e9
# Velocities decay by mu a step where a neuron is silent; below this they cannot move any float32 weight that
# matters, and left alone they would become denormal numbers, which slow a CPU down several times.
NEGLIGIBLE = 1e-30


class GraphedEngine(Engine):
    """Trains all networks together, block by block; subclasses say what a block does."""

    def __init__(self, problem: Problem, state: State) -> None:
        super().__init__(problem, state)
        self._one_hot = torch.nn.functional.one_hot(problem.y, state.networks.outputs).to(problem.x)
        batch = problem.orders.shape[2]
        self.block = block_steps(batch, problem.curve_every)
        self._graph = Graph((state.networks.seeds, self.block, batch))

    @classmethod
    def networks_at_once(cls, problem: Problem, state: State) -> int:
        """As many as have blocks that fit into `PART_BYTES` together."""
        samples, inputs = problem.x.shape
        batch = problem.orders.shape[2]
        block = batch * block_steps(batch, problem.curve_every)
        features = samples if dual_is_cheaper(problem, state.networks.bias.numel()) else inputs
        products = block if block > batch else 0
        numbers = block * (features + products + 4 * state.networks.units)
        return max(1, int(PART_BYTES / (numbers * problem.x.element_size())))

    @abstractmethod
    def _train_block(self, order: Int64[Tensor, "seeds steps batch"]) -> None:
        """Take these steps, in place: what a `Graph` can replay."""

    def advance(self, step: int) -> None:
        """Train until `step` steps have been taken in all."""
        while self.step < step:
            last = min(step, self.step + self.block - self.step % self.block)
            self._graph(self._train_block, self.problem.minibatches(self.step, last))
            self.step = last


class Graph:
    """What a function of one tensor does to other tensors in place, replayed where it can be.

    On CUDA the first call runs the function as it is, which also compiles its kernels and sets up what a
    capture must not; the second call captures it and every later one replays that. The argument goes through
    a buffer of the graph's own. On the CPU, and for an argument of another shape, the function is simply
    called.

    It is the same function each time. What it does must depend on shapes alone, and it must not wait for the
    device. It is not kept: an engine that held its graph, and was held by it, would stay with all its tensors
    until Python looks for such circles.
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        self._shape = torch.Size(shape)
        self._argument: Tensor | None = None
        self._graph: torch.cuda.CUDAGraph | None = None
        self._ends: list[torch.cuda.Event] = []

    def __call__(self, function: Callable[[Tensor], None], argument: Tensor) -> None:
        """Do what the function does to the tensors that it changes."""
        if argument.device.type != "cuda":
            function(argument)
            return
        with torch.cuda.device(argument.device):
            if argument.shape != self._shape:
                function(argument)
            elif self._argument is None:
                self._argument = argument.clone()
                self._warm_up(function, self._argument)
            else:
                self._argument.copy_(argument)
                self._replay(function, self._argument)
            self._keep_pace()

    def _warm_up(self, function: Callable[[Tensor], None], argument: Tensor) -> None:
        # On a stream of its own, as captures are: libraries keep their workspaces by stream.
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            function(argument)
        torch.cuda.current_stream().wait_stream(side)

    def _replay(self, function: Callable[[Tensor], None], argument: Tensor) -> None:
        if self._graph is None:
            self._graph = torch.cuda.CUDAGraph()
            with _no_collection(), torch.cuda.graph(self._graph, capture_error_mode="thread_local"):
                function(argument)  # recorded, not run
        self._graph.replay()

    def _keep_pace(self) -> None:
        """Let Python be no more than two calls ahead: what it tells of the progress is then about true."""
        end = torch.cuda.Event()
        end.record()
        self._ends.append(end)
        if len(self._ends) > 2:
            self._ends.pop(0).synchronize()


@contextmanager
def _no_collection() -> Iterator[None]:
    """Keep the garbage collector from freeing an earlier engine's graph: that would spoil a capture."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def flush(*velocities: Tensor) -> None:
    """Set what is negligible to 0 on a CPU; a GPU is as fast with denormal numbers."""
    for velocity in velocities:
        if velocity.device.type == "cpu":
            velocity.masked_fill_(velocity.abs() < NEGLIGIBLE, 0)
