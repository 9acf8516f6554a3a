"""A sweep: the cells of a study one after the other, each kept as soon as it is done."""

import time
from collections import deque
from collections.abc import Callable, Sequence

from prunebench.benchmark.announce import duration
from prunebench.benchmark.document import Document
from prunebench.benchmark.missing import estimate, find_missing
from prunebench.benchmark.plan import Plan
from prunebench.benchmark.reporter import Reporter
from prunebench.benchmark.run import CellBusy, run_benchmark
from prunebench.device import resolve_device
from prunebench.errors import PrunebenchError, RequestError
from prunebench.store.database import StoreError
from prunebench.store.provenance import environment
from prunebench.store.store import Store
from prunebench.sweep.study import Cell

# What goes wrong by chance (memory, a machine) is tried this often; what the request makes go wrong, once.
ATTEMPTS = 3
BUSY_SECONDS = 0.5

Cells = Sequence[tuple[Cell, Plan]]
OnDocument = Callable[[Document], object]


class Silent(Reporter):
    """Passes the stages of a cell on, and not its plan."""

    def __init__(self, reporter: Reporter) -> None:
        self.progress = reporter.progress  # type: ignore[method-assign]


def describe(cells: Cells, store: Store, reporter: Reporter, *, force: bool, each: bool = False) -> None:
    """Say what of a sweep is done and what is to do, with `each` cell by cell."""
    to_do, total, open_cells = 0, 0, 0
    seconds: float | None = 0.0
    for cell, plan in cells:
        missing = find_missing(plan, store, force=force)
        count, lacking = len(plan.wanted) * len(plan.seeds), sum(len(seeds) for seeds in missing.values())
        total, to_do, open_cells = total + count, to_do + lacking, open_cells + bool(missing)
        if missing and seconds is not None:
            more = estimate(plan, missing, store)
            seconds = None if more is None else seconds + more
        if each:
            reporter.plan(f"{cell.title}: " + (f"{lacking:,} of {count:,} to compute" if lacking else "done"))
    time_needed = "not known before the first cell is done" if seconds is None else duration(seconds)
    reporter.plan(
        f"{len(cells)} cells, {open_cells} of them to compute; {total - to_do:,} of {total:,} results are in "
        f"the store" + (f"; estimated time: {time_needed}" if to_do else "")
    )


def sweep(
    cells: Cells, store: Store, reporter: Reporter, on_document: OnDocument, *, force: bool = False
) -> int:
    """Run what is missing of every cell, in this process; returns the number of cells that failed.

    `on_document` is called with each cell's result document. A cell that another process works on is left for
    last, and then waited for. A cell that fails is recorded, and the sweep goes on; only a store that cannot
    be used ends it.
    """
    waiting, failed, busy = deque(cells), 0, 0
    while waiting:
        reporter.progress("cells", len(cells) - len(waiting), len(cells), "cells")
        cell, plan = waiting.popleft()
        began = time.perf_counter()
        try:
            document = _attempt(plan, store, reporter, force)
        except CellBusy:
            waiting.append((cell, plan))
            busy += 1
            if busy >= len(waiting):
                time.sleep(BUSY_SECONDS)
                busy = 0
            continue
        busy = 0
        if isinstance(document, str):
            failed += 1
            reporter.plan(f"{cell.title}: failed: {document}")
        else:
            on_document(document)
            reporter.plan(f"{cell.title}: {time.perf_counter() - began:.1f} s")
    reporter.progress("cells", len(cells), len(cells), "cells")
    return failed


def _attempt(plan: Plan, store: Store, reporter: Reporter, force: bool) -> Document | str:
    """A cell's document, or why there is none."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            document = run_benchmark(plan, Silent(reporter), store, force=force, wait=False)
            store.forget_failure(plan.training)
            return document
        except (StoreError, CellBusy):
            raise
        except Exception as error:
            if isinstance(error, RequestError) and error.option == "--store":
                raise
            if isinstance(error, PrunebenchError) or attempt == ATTEMPTS:
                return record_failure(plan, store, in_words(error), attempt)
    raise AssertionError("not reached")


def record_failure(plan: Plan, store: Store, error: str, attempts: int) -> str:
    """Keep why a cell could not be done."""
    store.register(plan.training, plan.task, plan.recipe, plan.until_loss)
    made = environment(resolve_device(plan.device)) | {"command": plan.command}
    store.put_failure(plan.training, error, attempts, made)
    return error


def in_words(error: BaseException) -> str:
    """One line for a person."""
    text = " ".join(str(error).split())
    return text if isinstance(error, PrunebenchError) else f"{type(error).__name__}: {text}"
