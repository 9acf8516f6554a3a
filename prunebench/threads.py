"""Work on networks side by side on the CPU: each thread takes the next one when it is through."""

import contextvars
import ctypes
import os
import platform
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import TypeVar

import torch
from threadpoolctl import ThreadpoolController

from prunebench.device import torch_threads

Item = TypeVar("Item")
Result = TypeVar("Result")

CPU = torch.device("cpu")

# Of GNU's malloc.h.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8


class Threads:
    """As many threads as torch would use, each with no threads of its own.

    Small products split over threads would only wait for each other; on a busy machine torch's threads that
    wait, and take a core while they do, slow such work down a hundredfold.

    Args:
        flush: flush denormal numbers to 0, as training does.
        most: so many threads at most.
    """

    def __init__(self, *, flush: bool = False, most: int | None = None) -> None:
        before = torch.get_num_threads()
        count = before if most is None else min(before, most)
        self._threads: ThreadPoolExecutor | None = None
        if before == 1 and not flush:  # the caller's own thread is as good
            return
        _keep_memory()
        self._threads = ThreadPoolExecutor(count)
        everybody = threading.Barrier(count)
        list(self._threads.map(lambda _: _set_up(everybody, flush), range(count)))
        torch.set_num_threads(before)  # those of threads that begin later, which the ones here have changed
        self._blas = ThreadpoolController().select(user_api="blas")

    def each(self, work: Callable[[int], Result], count: int) -> list[Result]:
        """What `work` gives for 0 to `count - 1`; whichever thread is free takes the next."""
        return list(self.map(work, range(count)))

    def map(self, work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """What `work` gives for each of the items, in their order, each as soon as it is there.

        What any of them raises is raised in its place, and those that have not begun are left.
        """
        if self._threads is None:
            yield from map(work, items)
            return
        with self._blas.limit(limits=1):
            yield from self._threads.map(work, items)


def side_by_side(work: Callable[[int], Result], count: int, device: torch.device = CPU) -> Iterator[Result]:
    """What `work` on this device gives for 0 to `count - 1` in turn, on threads where torch has several.

    Context variables and autograd's mode are the caller's. Where autograd's transforms (`torch.func`) are at
    work, which know one thread only, and on a thread of `Threads`, it is a plain loop; so it is on a GPU.
    """
    if device.type != "cpu":
        yield from map(work, range(count))
        return
    transformed = torch._C._functorch.peek_interpreter_stack() is not None
    if count < 2 or torch.get_num_threads() < 2 or transformed:
        for number in range(count):
            with few_threads():
                result = work(number)
            yield result
        return
    enabled, inference = torch.is_grad_enabled(), torch.is_inference_mode_enabled()
    contexts = [contextvars.copy_context() for _ in range(count)]

    def inside(number: int) -> Result:
        with torch.inference_mode(inference), torch.set_grad_enabled(enabled):
            return contexts[number].run(work, number)

    yield from Threads(most=count).map(inside, range(count))


def few_threads() -> AbstractContextManager[None]:
    """One thread of torch where its threads wait by keeping their cores busy; elsewhere as many as it has.

    They do where torch was imported before prunebench, which else sees to it. The gradient of a LeNet then
    takes 15 times as long on two threads as on one, with nothing else to do for the machine.
    """
    passive = os.environ.get("OMP_WAIT_POLICY", "").upper() == "PASSIVE"
    return nullcontext() if passive else torch_threads()


@cache
def _keep_memory() -> None:
    """Let freed memory stay with the process, up to 512 MB, where the C library is GNU's.

    It would give large tensors back at once and fetch them again page by page: up to a fifth of a training
    step with many samples, most of all on threads, whose own heaps it keeps small.
    """
    if platform.libc_ver()[0] == "glibc":
        library = ctypes.CDLL(None)
        for setting, value in ((M_MMAP_THRESHOLD, 2**26), (M_TRIM_THRESHOLD, 2**29), (M_ARENA_MAX, 1)):
            library.mallopt(setting, value)


def _set_up(everybody: threading.Barrier, flush: bool) -> None:
    """Of the thread that it is called on, once."""
    torch.set_num_threads(1)
    torch.get_num_threads()  # only then torch is set up on this thread, and never asks again
    torch.set_flush_denormal(flush)
    everybody.wait()  # so that no thread does this twice
