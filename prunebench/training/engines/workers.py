"""Threads that train networks side by side, one network on each."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import scipy.linalg.cython_blas  # the BLAS that compiled code calls must be loaded before it can be pinned
import torch
from threadpoolctl import ThreadpoolController

assert scipy.linalg.cython_blas


class Workers:
    """As many threads as torch would use, each with denormal numbers flushed and BLAS on that thread only."""

    def __init__(self) -> None:
        self._count = torch.get_num_threads()
        self._threads = ThreadPoolExecutor(self._count, initializer=_flush_denormals)
        self._blas = ThreadpoolController().select(user_api="blas")

    def each(self, work: Callable[[int], None], count: int) -> None:
        """Call `work` with 0 to `count - 1`; whichever thread is free takes the next."""
        numbers = iter(range(count))
        with self._blas.limit(limits=1):
            for done in [self._threads.submit(_drain, work, numbers) for _ in range(min(self._count, count))]:
                done.result()


def _flush_denormals() -> None:
    torch.set_flush_denormal(True)


def _drain(work: Callable[[int], None], numbers: Iterator[int]) -> None:
    for number in numbers:
        work(number)
