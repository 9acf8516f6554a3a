"""Wall time less the compilation of kernels, which happens once on a machine and says nothing of the next."""

import importlib
import time
from typing import Any

# What hears of compilations, once numba is there.
_listener: Any = None


def watch_compilation() -> None:
    """Count from now on what numba compiles; called by the module that brings numba."""
    global _listener  # noqa: PLW0603 (numba's events are global to the process too)
    if _listener is None:
        event: Any = importlib.import_module("numba.core.event")  # without types of its own
        _listener = event.TimingListener()
        event.register("numba:compile", _listener)


class Stopwatch:
    """Runs from when it is made."""

    def __init__(self) -> None:
        self._began, self._compiled = time.perf_counter(), _compiled()

    @property
    def seconds(self) -> float:
        """Wall time since the start, less what was compiled meanwhile in any thread."""
        return max(0.0, time.perf_counter() - self._began - (_compiled() - self._compiled))


def _compiled() -> float:
    return float(_listener.duration) if _listener is not None and _listener.done else 0.0
