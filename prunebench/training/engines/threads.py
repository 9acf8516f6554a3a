"""Networks side by side on the CPU: each thread trains some, and takes the next ones when it is through."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import torch
from threadpoolctl import ThreadpoolController


class Threads:
    """As many threads as torch would use, each with denormal numbers flushed and no threads of its own.

    Small products split over threads would only wait for each other; on a busy machine torch's threads that
    wait, and take a core while they do, slow such a training down a hundredfold.
    """

    def __init__(self) -> None:
        count = torch.get_num_threads()
        self._threads = ThreadPoolExecutor(count)
        everybody = threading.Barrier(count)
        list(self._threads.map(lambda _: _set_up(everybody), range(count)))
        torch.set_num_threads(count)  # those of threads that begin later, which the ones here have changed
        self._blas = ThreadpoolController().select(user_api="blas")

    def each(self, work: Callable[[int], None], count: int) -> None:
        """Call `work` with 0 to `count - 1`; whichever thread is free takes the next."""
        with self._blas.limit(limits=1):
            list(self._threads.map(work, range(count)))  # which raises what any of them raised


def _set_up(everybody: threading.Barrier) -> None:
    """Of the thread that it is called on, once."""
    torch.set_num_threads(1)
    torch.get_num_threads()  # only then torch is set up on this thread, and never asks again
    torch.set_flush_denormal(True)
    everybody.wait()  # so that no thread does this twice
