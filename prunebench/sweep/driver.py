"""A sweep: in this process, in several, or on a cluster."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from operator import attrgetter
from typing import Any

from prunebench.benchmark.reporter import Reporter
from prunebench.store.store import Store
from prunebench.sweep.boards import Boards
from prunebench.sweep.cluster import WAITING, Cluster, local_client, remote_client
from prunebench.sweep.dispatch import dispatch, work_here
from prunebench.sweep.plans import Options
from prunebench.sweep.progress import SweepProgress
from prunebench.sweep.to_do import ToDo


def sweep(
    items: Sequence[ToDo],
    options: Options,
    store: Store,
    reporter: Reporter,
    boards: Boards,
    *,
    force: bool = False,
    workers: int | None = None,
    cluster: str | None = None,
) -> int:
    """Run what is missing of every job, and put all of them on boards; returns how many jobs failed.

    Args:
        workers: compute in so many processes instead of this one.
        cluster: compute on the workers of the Dask scheduler at this address.

    Raises:
        StoreError, RequestError: the store cannot be used.
        RequestError: Dask is not installed, or no scheduler answers.
        PrunebenchError: a worker has other data or another version, or the cluster was lost.
    """
    missing = [item for item in items if item.lacking]
    shown = [item for item in items if not item.lacking and not boards.hold(item.plan)]
    elsewhere: AbstractContextManager[Any] = nullcontext()
    if missing and cluster:
        reporter.plan(f"workers at {cluster}")
        elsewhere = remote_client(cluster)
    elif missing and workers:
        reporter.plan(f"starting {workers} worker process" + ("" if workers == 1 else "es"))
        elsewhere = local_client(workers)
    with elsewhere as client:
        progress = SweepProgress([*missing, *shown], len(items), boards, reporter)
        if client is None:
            work_here(missing, store, progress, reporter, force=force)
        else:
            # The heaviest first, so that no worker is left with a long one when the others are at the end.
            missing.sort(key=attrgetter("estimate.high", "weight"), reverse=True)
            waiting = WAITING if cluster else 0
            others = Cluster(client, options, store, reporter, force=force, waiting=waiting)
            dispatch(missing, others, store, progress)
        # What only needs its board can wait, and takes a moment.
        work_here(shown, store, progress, reporter, force=force)
    return progress.failed
