"""What an experiment is: what it claims, how it is computed and drawn, and when its claim holds."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import pandas as pd
from jaxtyping import Float
from torch import Tensor

from prunebench.experiments.figures import Panels
from prunebench.experiments.lab import Lab
from prunebench.experiments.verdict import Verdicts
from prunebench.training.train import Trajectory

Tables = Mapping[str, pd.DataFrame]
Rows = Iterator[tuple[str, pd.DataFrame]]


class Experiment(ABC):
    """One figure or table: the only experiment of its module.

    Attributes:
        name: on the command line and of the files: the module's.
        title: of the section in the report.
        source: figure or appendix of the paper, or "beyond the paper".
        caption: what the picture shows: axes, colours, lines. It is the docstring of `draw`.
        version: raised when the rows of an earlier version no longer count.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    source: ClassVar[str]
    caption: ClassVar[str]
    version: ClassVar[int] = 1

    def __init_subclass__(cls) -> None:
        cls.name = cls.__module__.rpartition(".")[2]
        cls.caption = " ".join((cls.draw.__doc__ or "").split())

    def applies(self, lab: Lab) -> bool:
        """Whether the experiment means anything for this task and setting; most do for all."""
        return True

    @abstractmethod
    def rows(self, lab: Lab) -> Rows:
        """Parts of the tables behind the figure, each with its table. Angles in degrees, losses in nats."""

    def compute(self, lab: Lab) -> Tables:
        """The tables by name: for each the parts one below the other."""
        parts: dict[str, list[pd.DataFrame]] = {}
        for name, part in self.rows(lab):
            parts.setdefault(name, []).append(part)
        return {name: pd.concat(tables, ignore_index=True) for name, tables in parts.items()}

    @abstractmethod
    def draw(self, tables: Tables) -> Panels:
        """The figure, from nothing but the rows."""

    @abstractmethod
    def verdicts(self, tables: Tables) -> Verdicts:
        """One verdict per claim, from nothing but the rows."""


def rows_of(table: str, /, **columns: Any) -> tuple[str, pd.DataFrame]:
    """Rows of a table, from the values of each column; single values are repeated."""
    return table, pd.DataFrame(columns)


def neuron_rows(run: Trajectory, **columns: Tensor | float | int | str) -> pd.DataFrame:
    """A row for each neuron of the first network, from (seeds, neurons); single values are repeated."""
    first = {name: column[0] if isinstance(column, Tensor) else column for name, column in columns.items()}
    rows = pd.DataFrame(first)
    return pd.DataFrame({"seed": run.seeds[0], "neuron": range(len(rows))}).join(rows)


def final_share(run: Trajectory) -> Float[Tensor, "seeds neurons"]:
    """Final norms as shares of each network's largest."""
    norms = run.final.norms()
    return norms / norms.max(dim=1, keepdim=True).values
