"""Functions that a GPU replays as one CUDA graph, so that no step of training waits for Python."""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor


class Recorded:
    """A function of one tensor that changes other tensors in place, replayed where it can be.

    On CUDA its first call runs it as it is, which also compiles its kernels and sets up what a capture must
    not; the second call captures it and every later one replays that. The argument goes through a buffer of
    the graph's own. On the CPU, and for an argument of another shape, the function is simply called.

    What the function does must depend on shapes alone, and it must not wait for the device.
    """

    def __init__(self, function: Callable[[Tensor], None], shape: tuple[int, ...]) -> None:
        self._function = function
        self._shape = torch.Size(shape)
        self._argument: Tensor | None = None
        self._graph: torch.cuda.CUDAGraph | None = None
        self._ends: list[torch.cuda.Event] = []

    def __call__(self, argument: Tensor) -> None:
        """Do what the function does to the tensors that it changes."""
        if argument.device.type != "cuda":
            self._function(argument)
            return
        with torch.cuda.device(argument.device):
            if argument.shape != self._shape:
                self._function(argument)
            elif self._argument is None:
                self._argument = argument.clone()
                self._warm_up(self._argument)
            else:
                self._argument.copy_(argument)
                self._replay(self._argument)
            self._keep_pace()

    def _warm_up(self, argument: Tensor) -> None:
        # On a stream of its own, as captures are: libraries keep their workspaces by stream.
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            self._function(argument)
        torch.cuda.current_stream().wait_stream(side)

    def _replay(self, argument: Tensor) -> None:
        if self._graph is None:
            self._graph = torch.cuda.CUDAGraph()
            with _no_collection(), torch.cuda.graph(self._graph, capture_error_mode="thread_local"):
                self._function(argument)  # recorded, not run
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
