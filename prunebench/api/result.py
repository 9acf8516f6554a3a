"""What a run found, to work with in Python."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor

from prunebench.benchmark.plan import Plan
from prunebench.errors import RequestError, check_type, unknown_name
from prunebench.leaderboard.board import Board
from prunebench.leaderboard.charts.chart import Chart
from prunebench.leaderboard.folder import add_to_folder
from prunebench.leaderboard.locations import OWN
from prunebench.leaderboard.lost import lost, protocols_of
from prunebench.plugin.spec import canonical
from prunebench.results import Document
from prunebench.scoring.scorer import Scorer
from prunebench.store.files import writable_folder
from prunebench.store.store import Store

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Result:
    """What `pb.run_benchmark` and `pb.evaluate` return.

    Attributes:
        document: the JSON document of `prunebench run --json`, read (docs/protocols.md): its task, recipe,
            rows and their metrics; `document.content()` is the JSON itself.
    """

    document: Document
    _scores: Mapping[tuple[str, int], Float[Tensor, "seeds units"]]

    @classmethod
    def of(cls, plan: Plan, document: Document, store: Store) -> "Result":
        """The document of a plan that was run, with the scores that its store has."""
        found = {}
        for key in plan.scored:
            kept = [store.scores(plan.training, seed, key) for seed in plan.seeds]
            given = [torch.from_numpy(scores[0][0]) for scores in kept if scores is not None]
            if len(given) == len(kept):
                found[key.scorer, key.step] = torch.stack(given)
        return cls(document, found)

    def __repr__(self) -> str:
        return f"<Result on {self.document.task.name}: {self.document.in_words}>"

    def _repr_html_(self) -> str:
        return self.board().to_html()

    @property
    def seeds(self) -> tuple[int, ...]:
        """The networks, in the order of the scores."""
        return tuple(self.document.seeds)

    def board(self) -> Board:
        """The result as a board: ranks, tables, comparisons."""
        return Board.of(self.document)

    def save(self, folder: str | Path = OWN) -> Path:
        """Join the board of this task and recipe in a folder of boards, as `prunebench run` does.

        Returns the board's JSON file; its tables lie beside it. Warns where older numbers are lost by that.
        """
        board, files, older = add_to_folder(self.document, writable_folder("folder", Path(folder)))
        if line := lost(protocols_of(older), board):
            warnings.warn(line, stacklevel=2)
        return files[0]

    def plot(self, metric: str = "spearman", step: int | None = None) -> Chart:
        """How each scorer does by a metric, as a chart; see `Board.plot`."""
        return self.board().plot(metric, step)

    def to_dataframe(self) -> "pd.DataFrame":
        """Every number in a row of its own; see `Board.to_dataframe`."""
        return self.board().to_dataframe()

    def summaries(self) -> "pd.DataFrame":
        """A row for each scorer and step; see `Board.summaries`."""
        return self.board().summaries()

    def scores(self, scorer: str | Scorer, step: int) -> Float[Tensor, "seeds units"]:
        """What a scorer said at a step, higher = keep; of a stochastic one its first draw.

        Raises `RequestError` where it was not asked there, or failed.
        """
        check_type("scorer", scorer, (str, Scorer), "a scorer, or its name as rows have it, is needed")
        name = scorer if isinstance(scorer, str) else canonical(scorer)
        if name not in (names := {known for known, _ in self._scores}):
            raise unknown_name("scorer", name, names, "scorers with scores here")
        if (name, step) not in self._scores:
            steps = sorted(at for known, at in self._scores if known == name)
            raise RequestError("step", step, f"steps of {name} here: {', '.join(map(str, steps))}")
        return self._scores[name, step]
