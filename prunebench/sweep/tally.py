"""How far a sweep has come, told to whoever listens."""

import time
from collections.abc import Sequence

from prunebench.benchmark.announce import duration
from prunebench.benchmark.document import Document
from prunebench.benchmark.reporter import Reporter
from prunebench.sweep.boards import Boards
from prunebench.sweep.survey import Item

# A smaller share of the work says too little about the rest: small cells have more overhead than work.
ENOUGH = 0.05


class Tally:
    """Counts the cells that end, and puts each on its board.

    The time left is by how much of the work was done since the start, here or by workers.

    Attributes:
        failed: cells that could not be done.
    """

    def __init__(self, items: Sequence[Item], ended: int, boards: Boards, reporter: Reporter) -> None:
        """For the items that are to do; `ended` more are done already."""
        self._boards, self._reporter = boards, reporter
        self._cells, self._ended, self.failed = len(items) + ended, ended, 0
        self._to_do, self._done = sum(item.weight for item in items), 0.0
        self._began = time.perf_counter()
        self._show()

    @property
    def seconds_left(self) -> float | None:
        """None before there is enough to go by, and at the end."""
        if not ENOUGH * self._to_do <= self._done < self._to_do:
            return None
        return (time.perf_counter() - self._began) * (self._to_do / self._done - 1)

    def finish(self, item: Item, document: Document, seconds: float) -> None:
        """A cell is done; `seconds` are for people."""
        self._boards.add(document)
        self._end(item, f"{seconds:.1f} s")

    def give_up(self, item: Item, error: str) -> None:
        """A cell failed for good."""
        self.failed += 1
        self._end(item, f"failed: {error}")

    def _end(self, item: Item, what: str) -> None:
        self._ended += 1
        self._done += item.weight
        left = "" if self.seconds_left is None else f", about {duration(self.seconds_left)} left"
        self._reporter.plan(f"{item.cell.title}: {what} ({self._ended} of {self._cells}{left})")
        self._show()

    def _show(self) -> None:
        self._reporter.progress("cells", self._ended, self._cells, "cells", self.seconds_left)
