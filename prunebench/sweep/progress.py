"""How far a sweep has come, told to whoever listens."""

import time
from collections.abc import Sequence

from prunebench.benchmark.estimate import duration
from prunebench.benchmark.reporter import Reporter
from prunebench.sweep.attempt import Attempted
from prunebench.sweep.boards import Boards
from prunebench.sweep.to_do import ToDo

# A smaller share of the work says too little about the rest: other workers are in the middle of theirs.
ENOUGH = 0.05


class SweepProgress:
    """Counts the jobs that end, and puts each on its board.

    The time left is that since the start, times how much heavier the jobs that are left are than those that
    ended; so it holds however many workers there are.

    Attributes:
        failed: jobs that could not be done, or put on their boards.
        seconds_left: None before there is enough to go by, and at the end.
    """

    def __init__(self, items: Sequence[ToDo], total: int, boards: Boards, reporter: Reporter) -> None:
        """For the items that are to do, of `total` jobs; the others are done already."""
        self._boards, self._reporter = boards, reporter
        self._total, self._ended, self.failed = total, total - len(items), 0
        self._weight = self._left = sum(item.weight for item in items)
        self._began = time.perf_counter()
        self.seconds_left: float | None = None
        self._show()

    def end(self, item: ToDo, attempted: Attempted) -> None:
        """A job is done, or has failed for good."""
        document = attempted.document
        error = attempted.error if document is None else self._boards.add(document)
        self.failed += error is not None
        what = f"{attempted.seconds:.1f} s" if error is None else f"failed: {error}"
        self._ended += 1
        self._left -= item.weight
        done, passed = self._weight - self._left, time.perf_counter() - self._began
        known = self._ended < self._total and self._left > 0 and done >= ENOUGH * self._weight
        self.seconds_left = passed * self._left / done if known else None
        left = "" if self.seconds_left is None else f", about {duration(self.seconds_left)} left"
        self._reporter.plan(f"{item.job.title}: {what} ({self._ended} of {self._total}{left})")
        self._show()

    def _show(self) -> None:
        self._reporter.progress("jobs", self._ended, self._total, "jobs")
