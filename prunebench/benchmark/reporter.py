"""What hears how the work gets on."""

from collections.abc import Collection, Iterator
from typing import TypeVar

Item = TypeVar("Item")


class Reporter:
    """Hears how a run gets on. This one says nothing."""

    def plan(self, text: str) -> None:
        """What is about to be done, one line at a time."""

    def warn(self, text: str) -> None:
        """What is not as it should be, and what is done about it."""

    def failure(self, scorer: str, step: int, traceback: str) -> None:
        """A scorer raised an error; its row has failed, and the run goes on."""

    def progress(self, stage: str, done: int, total: int, unit: str) -> None:
        """`done` of `total` units of a stage are finished."""

    def training(self, done: int, total: int) -> None:
        """The stage of training, in steps of single networks: how speed is measured everywhere."""
        self.progress("training", done, total, "network-steps")

    def each(self, stage: str, items: Collection[Item], unit: str) -> Iterator[Item]:
        """The items of a stage, one after the other; hears how many of them are done."""
        for done, item in enumerate(items):
            self.progress(stage, done, len(items), unit)
            yield item
        if items:
            self.progress(stage, len(items), len(items), unit)
