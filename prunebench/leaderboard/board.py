"""A board: all rows on one task and recipe."""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from prunebench.errors import PrunebenchError
from prunebench.evaluation.statistics import INTERVALS_VERSION, summarise
from prunebench.leaderboard.check import check_content
from prunebench.leaderboard.command import reproduce
from prunebench.leaderboard.record import write

SCHEMA = 1
# Of a task in the name of its board's files; a file's name may have 255 bytes, and the hash tells them apart.
LONGEST_NAME = 100
Row = dict[str, Any]

# What a row must share with its replacement for protocols that were not run again to be carried over.
_IDENTITY = ("scorer", "at_step", "version", "source", "evaluator", "seeds", "status")
_PROTOCOL_GROUPS = ("accuracy", "train_accuracy")
_RANK_FIELDS = ("spearman", "kendall", "spearman_within_groups", "top_k_overlap", "sign_agreement")


def summaries(
    level: dict[str, Any], path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """Every metric's path and summary in a row."""
    for key, value in level.items():
        if isinstance(value, dict):
            if "per_seed" in value:
                yield (*path, key), value
            else:
                yield from summaries(value, (*path, key))


@dataclass
class Board:
    """Rows on one task and recipe, one for each scorer and step.

    Attributes:
        task: the task's record, from the result document.
        recipe: the recipe's record.
        training: the reference networks of the newest run: dense accuracy, loss, groups.
        environment: where the newest run was made; every row carries its own.
        rows: by step and scorer; the `command` of each makes this row again.
    """

    task: dict[str, Any]
    recipe: dict[str, Any]
    training: dict[str, Any]
    environment: dict[str, Any]
    evaluator: str
    rows: list[Row] = field(default_factory=list)

    def __post_init__(self) -> None:
        commands = (reproduce(self.task, self.recipe, row) for row in self.rows)
        rows = [row | {"command": command} for row, command in zip(self.rows, commands, strict=True)]
        self.rows = sorted(rows, key=lambda row: (row["at_step"], row["scorer"]))

    @property
    def name(self) -> str:
        """File name without ending: the task and what sets it apart, with a hash of the identity."""
        identity = json.dumps([self.task["fingerprint"], self.recipe], sort_keys=True)
        digest = hashlib.sha256(identity.encode()).hexdigest()[:8]
        task = re.sub(r"[^A-Za-z0-9.-]+", "-", str(self.task["name"])).strip("-.")[:LONGEST_NAME] or "task"
        recipe = self.recipe
        return f"{task}_n{self.task['samples']}_d{recipe['width']}_std{recipe['init_std']:g}_{digest}"

    @classmethod
    def of(cls, document: dict[str, Any]) -> "Board":
        """The board that a result document belongs to, with its rows."""
        parts = {key: document[key] for key in ("task", "recipe", "training", "environment", "evaluator")}
        rows = [row | {"environment": document["environment"]} for row in document["rows"]]
        return cls(**parts, rows=rows)

    def join(self, newer: "Board") -> "Board":
        """This board with a newer one's rows in it: same scorer and step, the newer row replaces the older.

        A replaced row that is the same in all but the protocols run passes on those that were not run again.
        Rows of another evaluator version are dropped: their numbers cannot be compared.
        """
        kept = {_key(row): row for row in self.rows if row["evaluator"] == newer.evaluator}
        for row in newer.rows:
            older = kept.get(_key(row))
            kept[_key(row)] = row if older is None else _carry_over(older, row)
        rows = list(kept.values())
        return Board(newer.task, newer.recipe, newer.training, newer.environment, newer.evaluator, rows)

    def to_json(self) -> str:
        """The board as text; equal boards give equal bytes."""
        content = {
            "schema": SCHEMA,
            "name": self.name,
            "task": self.task,
            "recipe": self.recipe,
            "evaluator": self.evaluator,
            "intervals": INTERVALS_VERSION,
            "environment": self.environment,
            "training": self.training,
            "rows": self.rows,
        }
        return write(content)

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
            check_content(content)
            if content.get("intervals") != INTERVALS_VERSION:
                content = content | {
                    "training": _with_intervals(content["training"]),
                    "rows": [_with_intervals(row) for row in content["rows"]],
                }
            keys = ("task", "recipe", "training", "environment", "evaluator", "rows")
            return cls(**{key: content[key] for key in keys})
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
            raise PrunebenchError(f"{file}: not a whole board ({error}); move it away") from error


def read_json(path: Path) -> Any:
    """What is in a JSON file. `PrunebenchError`: it cannot be read."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise PrunebenchError(f"{path.name}: cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise PrunebenchError(f"{path.name}: not readable as JSON ({error})") from error


def _with_intervals(record: dict[str, Any]) -> dict[str, Any]:
    """A row or a training whose summaries are made again from their values per seed."""
    found = dict(summaries(record))
    values = {path: np.array(summary["per_seed"], dtype=float) for path, summary in found.items()}
    again = summarise(values)

    def renewed(level: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
        return {
            key: value | again.get((*path, key), {})
            if (*path, key) in found
            else renewed(value, (*path, key))
            if isinstance(value, dict)
            else value
            for key, value in level.items()
        }

    return renewed(record, ())


def _key(row: Row) -> tuple[str, int]:
    return row["scorer"], row["at_step"]


def _carry_over(older: Row, newer: Row) -> Row:
    if any(older[key] != newer[key] for key in _IDENTITY):
        return newer
    merged = {key: older[key] for key in _RANK_FIELDS if key in older} | newer
    for group in _PROTOCOL_GROUPS:
        merged[group] = older.get(group, {}) | newer.get(group, {})
    return merged
