"""A sweep: here, in several processes, or on a cluster."""

from collections.abc import Sequence

from prunebench.benchmark.reporter import Reporter
from prunebench.store.store import Store
from prunebench.sweep.boards import Boards
from prunebench.sweep.cells import Options
from prunebench.sweep.cluster import local_workers, remote_workers
from prunebench.sweep.dispatch import Dispatch
from prunebench.sweep.local import run_local
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
    """Run what is missing of every cell, and put all of them on boards; returns how many cells failed.

    Args:
        workers: compute in so many processes instead of this one.
        cluster: compute on the workers of the Dask scheduler at this address.

    Raises:
        StoreError, RequestError: the store cannot be used.
        RequestError: Dask is not installed, or no scheduler answers.
        PrunebenchError: a worker has other data or another version, or the cluster was lost.
    """
    todo = [item for item in items if item.lacking or not boards.hold(item.plan)]
    todo.sort(key=lambda item: item.lacking == 0)  # what only needs its board can wait
    ended = len(items) - len(todo)
    if not any(item.lacking for item in todo) or not (workers or cluster):
        progress = SweepProgress(todo, ended, boards, reporter, store)
        run_local(todo, store, reporter, progress, force=force)
        return progress.failed
    reporter.plan(f"workers at {cluster}" if cluster else f"starting {workers} worker processes")
    with remote_workers(cluster) if cluster else local_workers(workers or 1) as them:
        progress = SweepProgress(todo, ended, boards, reporter, store)
        Dispatch(them, todo, options, store, progress, force=force).run()
    return progress.failed
