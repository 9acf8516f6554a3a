"""The jobs of a sweep, handed to whatever computes them; each is in the one store as soon as it is done."""

import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from functools import partial

from prunebench.benchmark.reporter import Reporter
from prunebench.store.store import Store
from prunebench.sweep.attempt import Attempted, attempt, keep_outcome
from prunebench.sweep.progress import SweepProgress
from prunebench.sweep.to_do import ToDo

BUSY_SECONDS = 0.5


class Workers(ABC):
    """What computes jobs: this process, or others. No other process works on a job that is submitted."""

    @abstractmethod
    def room(self) -> int:
        """For how many jobs more there is room just now; workers may come and go."""

    @abstractmethod
    def submit(self, item: ToDo) -> None:
        """Hand a job out."""

    @abstractmethod
    def done(self) -> list[tuple[ToDo, Callable[[], Attempted]]]:
        """The jobs that are done, once there is any; none if that takes too long to wait for.

        With each what says what came of it; what was computed is in the store then.
        """


class ThisProcess(Workers):
    """Computes one job after the other, here; each of its results is in the store as soon as it is there."""

    def __init__(self, store: Store, reporter: Reporter, *, force: bool = False) -> None:
        self._store, self._reporter, self._force = store, reporter, force
        self._submitted: list[ToDo] = []

    def room(self) -> int:
        """One at a time."""
        return 1 - len(self._submitted)

    def submit(self, item: ToDo) -> None:
        """It is computed when its result is asked for."""
        self._submitted.append(item)

    def done(self) -> list[tuple[ToDo, Callable[[], Attempted]]]:
        """What may be asked for."""
        return [(item, partial(self._compute, item)) for item in self._submitted]

    def _compute(self, item: ToDo) -> Attempted:
        self._submitted.remove(item)
        return attempt(item.plan, self._store, self._reporter, force=self._force)


def dispatch(items: Iterable[ToDo], workers: Workers, store: Store, progress: SweepProgress) -> None:
    """Have jobs computed, in this order, until each is done or has failed.

    A job is kept from other sweeps while it is out; one that another process works on is left for last, and
    then waited for. However this ends, no job is kept from others then. Raises only where the store or the
    workers cannot be used.
    """
    waiting, out = deque(items), dict[ToDo, ExitStack]()  # with what keeps others from the job
    try:
        while waiting or out:
            done = workers.done() if out else []
            _hand_out(waiting, out, workers, store)  # before anything is kept: no worker waits for the disk
            for item, result in done:
                attempted = result()
                keep_outcome(item.plan, store, attempted)
                progress.end(item, attempted)
                out.pop(item).close()
            if not done and not out:
                time.sleep(BUSY_SECONDS)
    finally:
        for claim in out.values():
            claim.close()


def _hand_out(waiting: deque[ToDo], out: dict[ToDo, ExitStack], workers: Workers, store: Store) -> None:
    """Start jobs while there is room; jobs of others go to the end."""
    room = workers.room()
    for _ in range(len(waiting)):
        if room <= 0:
            break
        item, claim = waiting.popleft(), ExitStack()
        if claim.enter_context(store.claimed(item.plan.training, wait=False)):
            out[item] = claim
            workers.submit(item)
            room -= 1
        else:
            claim.close()
            waiting.append(item)
