"""The jobs of a sweep, computed here or handed to workers; each is in the one store as soon as it is done."""

import time
from collections import deque
from collections.abc import Iterable
from contextlib import ExitStack

from prunebench.benchmark.reporter import Reporter
from prunebench.store.store import Store
from prunebench.sweep.attempt import attempt, keep_outcome
from prunebench.sweep.cluster import Cluster
from prunebench.sweep.progress import SweepProgress
from prunebench.sweep.to_do import ToDo

BUSY_SECONDS = 0.5


def work_here(
    items: Iterable[ToDo], store: Store, progress: SweepProgress, reporter: Reporter, *, force: bool
) -> None:
    """Compute one job after the other in this process; each of its results is in the store at once.

    A job that another process works on is left for last, and then waited for. Raises only where the store
    cannot be used.
    """
    left: list[ToDo] = []
    for wait, jobs in ((False, items), (True, left)):
        for item in jobs:
            with store.claimed(item.plan.training, wait=wait) as free:
                if free:
                    attempted = attempt(item.plan, store, reporter, force=force)
                    keep_outcome(item.plan, store, attempted)
                    progress.end(item, attempted)
                else:
                    left.append(item)


def dispatch(items: Iterable[ToDo], workers: Cluster, store: Store, progress: SweepProgress) -> None:
    """Have workers compute jobs, in this order, until each is done or has failed.

    A job is kept from other sweeps while it is out; one that another process works on is left for last, and
    then waited for. However this ends, no job is kept from others then. Raises only where the store or the
    workers cannot be used.
    """
    waiting, out = deque(items), dict[ToDo, ExitStack]()  # with what keeps others from the job
    try:
        while waiting or out:
            done = workers.done() if out else []
            _hand_out(waiting, out, workers, store)  # before anything is kept: no worker waits for the disk
            for item in done:
                attempted = workers.take_in(item)
                keep_outcome(item.plan, store, attempted)
                progress.end(item, attempted)
                out.pop(item).close()
            if not done and not out:
                time.sleep(BUSY_SECONDS)
    finally:
        for claim in out.values():
            claim.close()


def _hand_out(waiting: deque[ToDo], out: dict[ToDo, ExitStack], workers: Cluster, store: Store) -> None:
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
