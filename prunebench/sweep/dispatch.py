"""The jobs of a sweep, computed here or handed to workers; each is in the one store as soon as it is done."""

import time
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

    A job is kept from other sweeps, and from others of its networks, while it is out. One that cannot be had
    is passed over until it can: it may be the heaviest of those that are left. However this ends, no job is
    kept from others then. Raises only where the store or the workers cannot be used.
    """
    waiting, out = list(items), dict[ToDo, ExitStack]()  # with what keeps others from the job
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


def _hand_out(waiting: list[ToDo], out: dict[ToDo, ExitStack], workers: Cluster, store: Store) -> None:
    """Start the first jobs that nobody works on while there is room; the others keep their places."""
    room = workers.room()
    for item in tuple(waiting):
        if room <= 0:
            break
        claim = ExitStack()
        if claim.enter_context(store.claimed(item.plan.training, wait=False)):
            waiting.remove(item)
            out[item] = claim
            workers.submit(item)
            room -= 1
        else:
            claim.close()
