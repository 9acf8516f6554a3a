"""What an experiment is: what it claims, how it is computed and drawn, and when its claim holds."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
import pandas as pd

from prunebench.experiments.lab import Lab

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Outcome = Literal["holds", "fragile", "does not hold"]
Tables = Mapping[str, pd.DataFrame]

# A rank correlation of 0.5 is large by Cohen's (1988) convention; below 0.2 it is hardly more than small.
LARGE, SMALL = 0.5, 0.2


@dataclass(frozen=True)
class Verdict:
    """Whether a claim holds here.

    Attributes:
        claim: one sentence.
        outcome: by the criterion alone.
        found: the number, in words.
        criterion: fixed before the results were seen.
    """

    claim: str
    outcome: Outcome
    found: str
    criterion: str


class Experiment(ABC):
    """One figure or table.

    Attributes:
        name: on the command line and of the files.
        title: of the section in the report.
        source: figure or appendix of the paper, or "beyond the paper".
        caption: what the picture shows: axes, colours, lines.
        version: raised when the rows of an earlier version no longer count.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    source: ClassVar[str]
    caption: ClassVar[str]
    version: ClassVar[int] = 1

    def applies(self, lab: Lab) -> bool:
        """Whether the experiment means anything for this task and setting; most do for all."""
        return True

    @abstractmethod
    def compute(self, lab: Lab) -> Tables:
        """The rows behind the figure, as tables by name. Angles in degrees, losses in nats."""

    @abstractmethod
    def draw(self, tables: Tables) -> "Figure":
        """The figure, from nothing but the rows."""

    @abstractmethod
    def verdicts(self, tables: Tables) -> list[Verdict]:
        """One verdict per claim, from nothing but the rows."""


def judge(holds: bool | np.bool_, fragile: bool | np.bool_) -> Outcome:
    """The outcome, given whether the strong and the weak criterion are met."""
    if holds:
        return "holds"
    return "fragile" if fragile else "does not hold"


def above(value: float, holds: float | int, fragile: float | int) -> Outcome:
    """`holds` from one bound up, `fragile` from a lower one; NaN does not hold."""
    return judge(value >= holds, value >= fragile)


def mean_std(values: Iterable[float | int], digits: int = 2) -> str:
    """`mean ± standard deviation` over seeds."""
    array = np.array(list(values), dtype=float)
    spread = array.std(ddof=1) if len(array) > 1 else 0.0
    return f"{array.mean():.{digits}f} ± {spread:.{digits}f}"
