"""What passes of samples through networks cost, counted where they are made.

The unit is one sample's gradient in one network: a forward and a backward pass. A training takes its steps
times its batch size of them.
"""

import threading
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

# A backward pass is two products for each one of the forward pass (docs/protocols.md has what was measured).
GRADIENT = 1.0
FORWARD = 1 / 3
HESSIAN_PRODUCT = 2.5


class Passes:
    """Counts what is made while it is open, in whatever thread.

    Attributes:
        sample_gradients: of all networks together.
        seconds: that others spent on what was asked for and was there.
    """

    def __init__(self) -> None:
        self.sample_gradients = self.seconds = 0.0
        self._made: set[Hashable] = set()
        self._lock = threading.Lock()

    def add(self, sample_gradients: float, made: Hashable, seconds: float) -> None:
        """So many more; nothing where the same was `made` before, by what names it."""
        with self._lock:
            if made is None or made not in self._made:
                self.sample_gradients += sample_gradients
                self.seconds += seconds
                self._made.add(made)


_open: ContextVar[Passes | None] = ContextVar("passes", default=None)


@contextmanager
def counted() -> Iterator[Passes]:
    """Count the passes that are made inside, and not in what is open around it.

    Each thread counts its own: one that works for another runs in a copy of its context
    (`contextvars.copy_context().run`).
    """
    passes = Passes()
    token = _open.set(passes)
    try:
        yield passes
    finally:
        _open.reset(token)


def count(sample_gradients: float, made: Hashable = None, seconds: float = 0.0) -> None:
    """Count this where passes are counted; once, what has a name and is remembered."""
    if (passes := _open.get()) is not None:
        passes.add(sample_gradients, made, seconds)
