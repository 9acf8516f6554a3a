"""A process for each file and package of plugins, forked from one that has imported what all of them need.

A fork takes milliseconds and shares its memory, where a process of its own takes a second and 0.3 GB.
"""

import contextlib
import ctypes
import os
import select
import signal
import sys
import warnings
from collections.abc import Callable, Sequence
from typing import NoReturn

from prunebench.plugin.process import LOOK_EVERY

# Elsewhere what the system's libraries have started may not be forked: plugins share one process there.
FORKS = sys.platform == "linux"
_PR_SET_PDEATHSIG = 1  # of Linux's prctl


class Fork:
    """Does `work` for each line that it is sent, in a process of its own, which begins now.

    Args:
        unneeded: file descriptors that are not for it.
    """

    def __init__(self, work: Callable[[bytes], None], unneeded: Sequence[int]) -> None:
        (requests, self._lines), (self._rung, ring) = os.pipe(), os.pipe()
        with warnings.catch_warnings():  # of threads: a library's that wait for work
            warnings.simplefilter("ignore", DeprecationWarning)
            self._process = os.fork()
        if self._process == 0:
            # One that has left the group of processes, with which they are stopped, ends with this one, too.
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            for descriptor in (self._lines, self._rung, *unneeded):
                os.close(descriptor)
            _serve(work, requests, ring)
        os.close(requests)
        os.close(ring)
        self._code: int | None = None

    @property
    def pipes(self) -> tuple[int, ...]:
        """File descriptors that are for no other process."""
        return (self._lines, self._rung) if self._code is None else ()

    def has_ended(self) -> bool:
        """Whether it has; what is left of it is gone then."""
        if self._code is None:
            self._wait(os.WNOHANG)
        return self._code is not None

    def ask(self, line: bytes, is_done: Callable[[], bool]) -> bool:
        """Whether it is done; else the process has ended, or will not answer any more."""
        with contextlib.suppress(BrokenPipeError):  # it ends just now
            os.write(self._lines, line)
        while True:
            if select.select([self._rung], [], [], LOOK_EVERY)[0]:
                if not os.read(self._rung, 65536):
                    return False
                if is_done():
                    return True
            elif self.has_ended():
                return False

    def end_alike(self) -> NoReturn:
        """End this process as the other one ends."""
        if self._code is None:
            self._wait(0)
        assert self._code is not None
        if self._code < 0:
            os.kill(os.getpid(), -self._code)
        os._exit(self._code)

    def _wait(self, options: int) -> None:
        process, status = os.waitpid(self._process, options)
        if process:
            self._code = os.waitstatus_to_exitcode(status)
            os.close(self._lines)
            os.close(self._rung)


def _serve(work: Callable[[bytes], None], requests: int, ring: int) -> NoReturn:
    """Until there are no more."""
    code = 1
    try:
        for line in os.fdopen(requests, "rb"):
            work(line)
            os.write(ring, b"\n")
        code = 0
    finally:
        os._exit(code)
