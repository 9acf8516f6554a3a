"""The cells of a sweep in this process, one after the other; each result is kept as soon as it is there."""

import time
from collections import deque
from collections.abc import Sequence

from prunebench.benchmark.document import Document
from prunebench.benchmark.plan import Plan
from prunebench.benchmark.reporter import Reporter
from prunebench.benchmark.run import CellBusy, run_benchmark
from prunebench.errors import PrunebenchError, RequestError
from prunebench.store.database import StoreError
from prunebench.store.store import Store
from prunebench.sweep.failure import ATTEMPTS, in_words, record_failure
from prunebench.sweep.progress import SweepProgress
from prunebench.sweep.to_do import ToDo

BUSY_SECONDS = 0.5


class _Stages(Reporter):
    """Passes on how the stages of a cell get on, and not its plan."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter

    def warn(self, text: str) -> None:
        """Pass it on."""
        self._reporter.warn(text)

    def failure(self, scorer: str, step: int, traceback: str) -> None:
        """Pass it on."""
        self._reporter.failure(scorer, step, traceback)

    def progress(
        self, stage: str, done: int, total: int, unit: str, seconds_left: float | None = None
    ) -> None:
        """Pass it on."""
        self._reporter.progress(stage, done, total, unit, seconds_left)


def run_local(
    items: Sequence[ToDo], store: Store, reporter: Reporter, progress: SweepProgress, *, force: bool
) -> None:
    """Run what is missing of every cell.

    A cell that another process works on is left for last, and then waited for. A cell that fails is recorded,
    and the sweep goes on; only a store that cannot be used ends it.
    """
    waiting, busy = deque(items), 0
    while waiting:
        item = waiting.popleft()
        began = time.perf_counter()
        try:
            document = _attempt(item.plan, store, _Stages(reporter), force)
        except CellBusy:
            waiting.append(item)
            busy += 1
            if busy >= len(waiting):
                time.sleep(BUSY_SECONDS)
                busy = 0
            continue
        busy = 0
        if isinstance(document, str):
            progress.give_up(item, document)
        else:
            progress.finish(item, document, time.perf_counter() - began)


def _attempt(plan: Plan, store: Store, reporter: Reporter, force: bool) -> Document | str:
    """A cell's document, or why there is none."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            document = run_benchmark(plan, reporter, store, force=force, wait=False)
            store.forget_failure(plan.training)
            return document
        except (StoreError, CellBusy):
            raise
        except Exception as error:
            if isinstance(error, RequestError) and error.option == "--store":
                raise
            if isinstance(error, PrunebenchError) or attempt == ATTEMPTS:
                reason = in_words(error)
                record_failure(plan, store, reason, attempt)
                return reason
    raise AssertionError("not reached")
