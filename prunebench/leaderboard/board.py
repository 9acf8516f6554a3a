"""A board: all rows on one task and recipe."""

import hashlib
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from msgspec.structs import replace

from prunebench.errors import PrunebenchError
from prunebench.evaluation.metrics import protocol_of
from prunebench.evaluation.protocols import LABELS
from prunebench.evaluation.statistics import INTERVALS_VERSION, summarise
from prunebench.leaderboard.canonical import canonical_json
from prunebench.leaderboard.citation import cite
from prunebench.leaderboard.command import command_of
from prunebench.leaderboard.summaries import summaries
from prunebench.leaderboard.tidy import tidy
from prunebench.results import SCHEMA, Document, M, Results, Row, TaskRecord, Training, convert, read_recipe
from prunebench.store.files import read_bytes
from prunebench.training.recipe import Recipe

if TYPE_CHECKING:
    import pandas as pd

    from prunebench.leaderboard.charts.chart import Chart

# Of a task in the name of its board's files; a file's name may have 255 bytes, and the hash tells them apart.
LONGEST_NAME = 100
# What a row must share with its replacement for protocols that were not run again to be carried over.
_IDENTITY = ("scorer", "at_step", "version", "source", "evaluator", "seeds", "status", "recalibrated")


class Board(Results):
    """Rows on one task and recipe, one for each scorer and step.

    Attributes:
        training: the reference networks of the newest run: dense accuracy, loss, groups.
        environment: where the newest run was made; every row carries its own.
        rows: by step and scorer; the `command` of each makes this row again.
        lacks: what a copy of a board is without.
    """

    lacks: str | None = None

    def __post_init__(self) -> None:
        rows = (replace(row, command=command_of(self.task, self.recipe, row)) for row in self.rows)
        self.rows = sorted(rows, key=lambda row: (row.at_step, row.scorer))

    @property
    def name(self) -> str:
        """File name without ending: the task and what sets it apart, with a hash of the identity."""
        return name_of(self.task, self.recipe)

    @property
    def citation(self) -> str:
        """How to cite it, as BibTeX."""
        return cite(self, self.name)

    def __repr__(self) -> str:
        return f"<Board {self.name}: {self.in_words}>"

    def _repr_html_(self) -> str:
        return self.to_html()

    def to_html(self) -> str:
        """A small table: the few most telling columns, with intervals, ranks and marks."""
        from prunebench.leaderboard.small_table import small_table

        return small_table(self)

    def plot(self, metric: str = "spearman", step: int | None = None) -> "Chart":
        """How each scorer does by a metric, with its interval, as a chart.

        Args:
            metric: one of `prunebench list metrics`, or a heading of the board's tables.
            step: the snapshots' step; None: a panel for each.

        Raises:
            RequestError: the board has no such metric or step.
        """
        from prunebench.leaderboard.charts.chart import plot

        return plot(self, metric, step)

    def to_dataframe(self) -> "pd.DataFrame":
        """Every number in a row of its own: one for each scorer, step, seed, metric, layer and share kept.

        Columns have the names that `prunebench export` gives them; task, recipe, settings, single draws and
        how things were made are only there. `value` is the mean over the draws of a stochastic scorer. A row
        without metrics, of a scorer that failed or is unfit, has one line for each seed, with its error; what
        is of the trained networks themselves has neither scorer nor step.
        """
        return tidy(self, self.name)

    def summaries(self) -> "pd.DataFrame":
        """A row for each scorer and step, best first: means, intervals, ranks, costs, shares of the ceiling.

        With the columns of the board's CSV; accuracies have their median's interval (`..._median_low`).
        """
        import pandas as pd

        return pd.DataFrame(summaries(self, self.name)).infer_objects()

    @classmethod
    def of(cls, document: Document) -> "Board":
        """The board that a result document belongs to, with its rows."""
        made = document.environment
        rows = [replace(row, environment=made) for row in document.rows]
        return cls(document.task, document.recipe, document.training, made, document.evaluator, rows)

    def join(self, newer: "Board") -> "Board":
        """This board with a newer one's rows in it: same scorer and step, the newer row replaces the older.

        A replaced row that is the same in all but the protocols run passes on those that were not run again.
        Rows whose numbers cannot be compared with the newer ones are dropped: those of another evaluator
        version, and all of them where training ended elsewhere (`ended_as`).
        """
        older = self.rows if self.ended_as(newer) else []
        kept = {row.key: row for row in older if row.evaluator == newer.evaluator}
        joined = {row.key: _carry_over(kept.get(row.key, row), row) for row in newer.rows}
        lacks = self.lacks if kept.keys() - joined.keys() else None
        return replace(newer, rows=list((kept | joined).values()), lacks=newer.lacks or lacks)

    def ended_as(self, other: "Board") -> bool:
        """Whether training ended at the same step, so that equal seeds are equal networks.

        With `until_loss` that is a step for each batch of seeds.
        """
        steps = [board.training.gradient_steps for board in (self, other)]
        return self.recipe.until_loss is None or steps[0] == steps[1]

    def content(self) -> dict[str, Any]:
        """As JSON has it."""
        content = super().content()
        return content if self.lacks else {key: value for key, value in content.items() if key != "lacks"}

    def to_json(self) -> str:
        """The board as text; equal boards give equal bytes."""
        derived = {"name": self.name, "citation": self.citation, "intervals": INTERVALS_VERSION}
        return canonical_json(self.content() | derived)

    @classmethod
    def read(cls, path: Path) -> "Board":
        """A board from its JSON file. `PrunebenchError`: it is damaged or of another schema."""
        return cls.from_content(read_json(path), path.name)

    @classmethod
    def from_content(cls, content: Any, file: str) -> "Board":
        """A board from what was in the `file` of this name, with intervals of today's version.

        Raises as `read` does.
        """
        schema = content.get("schema") if isinstance(content, dict) else None
        if isinstance(schema, int) and schema != SCHEMA:
            raise PrunebenchError(f"{file}: board of schema {schema}; {SCHEMA} is understood")
        try:
            return _read(content)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise PrunebenchError(f"{file}: not a whole board ({error}); move it away") from error


def name_of(task: TaskRecord, recipe: Recipe) -> str:
    """The name of the board of a task and a recipe."""
    shape = [] if recipe.network is None else [task.record.get("shape")]
    identity = json.dumps([task.fingerprint, recipe.record, *shape], sort_keys=True)
    digest = hashlib.sha256(identity.encode()).hexdigest()[:8]
    network = f"d{recipe.width}_std{recipe.init_std:g}"
    if recipe.network is not None:
        network = _in_a_name(recipe.network_spec, LONGEST_NAME // 2)
    return f"{_in_a_name(task.name, LONGEST_NAME) or 'task'}_n{task.samples}_{network}_{digest}"


def _in_a_name(text: str, longest: int) -> str:
    return re.sub(r"[^A-Za-z0-9.-]+", "-", text).strip("-.")[:longest]


def read_json(path: Path) -> Any:
    """What is in a JSON file. `PrunebenchError`: it cannot be read."""
    try:
        return json.loads(read_bytes(path).decode(), parse_constant=_no_json)
    except OSError as error:
        raise PrunebenchError(f"{path.name}: cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise PrunebenchError(f"{path.name}: not readable as JSON ({error})") from error


def _no_json(name: str) -> float:
    raise ValueError(f"{name} is no number in JSON")


class _Content(msgspec.Struct):
    """A board's JSON, its parts as they are."""

    task: Any
    recipe: Any
    training: Any
    environment: dict[str, Any]
    evaluator: str
    rows: list[Any]
    intervals: Any = None
    lacks: str | None = None


def _read(content: object) -> Board:
    """Raises `ValueError` with the place of what does not fit."""
    parts = convert("it", content, _Content)
    task, recipe = TaskRecord.read(parts.task), read_recipe(parts.recipe)
    training = Training.read(parts.training, "training")
    rows = [Row.read(row, f"row {number}") for number, row in enumerate(parts.rows)]
    if len({row.key for row in rows}) < len(rows):
        raise ValueError("two rows of one scorer at one step")
    if parts.intervals != INTERVALS_VERSION:
        training, rows = _with_intervals(training), [_with_intervals(row) for row in rows]
    return Board(task, recipe, training, parts.environment, parts.evaluator, rows, parts.lacks)


def _with_intervals(record: M) -> M:
    """A row or a training whose summaries are made again from their values per seed."""
    values = {path: np.array(summary.per_seed, dtype=float) for path, summary in record.metrics.items()}
    again = {
        path: replace(summary, kept=old.kept, first_draw=old.first_draw, band=old.band)
        for path, summary in summarise(values).items()
        if (old := record.metrics[path])
    }
    return replace(record, metrics=record.metrics | again)


def _carry_over(older: Row, newer: Row) -> Row:
    if any(getattr(older, name) != getattr(newer, name) for name in _IDENTITY):
        return newer
    passed_on = older.protocols - newer.protocols
    kept = {path: summary for path, summary in older.metrics.items() if protocol_of(path) in passed_on}
    if LABELS in passed_on:
        newer = replace(newer, reads_labels=older.reads_labels, errors=older.errors)
    if "finetune" in passed_on:
        newer = replace(newer, finetune_steps=older.finetune_steps)
    return replace(newer, metrics=kept | newer.metrics)
