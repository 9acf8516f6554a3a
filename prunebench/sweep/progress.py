"""How far a sweep has come, told to whoever listens."""

import time
from collections.abc import Sequence

from prunebench.benchmark.document import Document
from prunebench.benchmark.estimate import duration
from prunebench.benchmark.reporter import Reporter
from prunebench.store.store import Store
from prunebench.sweep.boards import Boards
from prunebench.sweep.to_do import ToDo, timings_of

# A smaller share of the work says too little about the rest: other workers are in the middle of theirs.
ENOUGH = 0.05
# To find the time left again takes at most this share of the time.
SHARE = 0.02


class SweepProgress:
    """Counts the cells that end, and puts each on its board.

    The time left is that since the start, times how much longer the cells that are left take than those that
    ended, by the store's timings of all of them; so it holds however many workers there are.

    Attributes:
        failed: cells that could not be done.
        seconds_left: None before there is enough to go by, and at the end.
    """

    def __init__(
        self, items: Sequence[ToDo], ended: int, boards: Boards, reporter: Reporter, store: Store
    ) -> None:
        """For the items that are to do; `ended` more are done already."""
        self._boards, self._reporter, self._store = boards, reporter, store
        self._cells, self._ended, self.failed = len(items) + ended, ended, 0
        self._waiting, self._done = list(items), list[ToDo]()
        self._began = self._asked_again = time.perf_counter()
        self.seconds_left: float | None = None
        self._show()

    def finish(self, item: ToDo, document: Document, seconds: float) -> None:
        """A cell is done; `seconds` are for people."""
        self._boards.add(document)
        self._end(item, f"{seconds:.1f} s")

    def give_up(self, item: ToDo, error: str) -> None:
        """A cell failed for good."""
        self.failed += 1
        self._end(item, f"failed: {error}")

    def warn(self, text: str) -> None:
        """Pass it on."""
        self._reporter.warn(text)

    def _end(self, item: ToDo, what: str) -> None:
        self._ended += 1
        self._waiting.remove(item)
        self._done.append(item)
        self._find_time_left()
        left = "" if self.seconds_left is None else f", about {duration(self.seconds_left)} left"
        self._reporter.plan(f"{item.cell.title}: {what} ({self._ended} of {self._cells}{left})")
        self._show()

    def _find_time_left(self) -> None:
        now = time.perf_counter()
        if self._waiting and now < self._asked_again:
            return
        timings = timings_of([self._done[0].plan], self._store)
        done, left = (
            timings.total(work for item in items for work in item.work).seconds
            for items in (self._done, self._waiting)
        )
        self.seconds_left = None
        if done and left and done >= ENOUGH * (done + left):
            self.seconds_left = (now - self._began) * left / done
        self._asked_again = now + (time.perf_counter() - now) / SHARE

    def _show(self) -> None:
        self._reporter.progress("cells", self._ended, self._cells, "cells", self.seconds_left)
