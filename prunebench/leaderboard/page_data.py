"""The boards as compact JSON for the page: columns of whole numbers, repeated texts by number."""

import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from prunebench.leaderboard.board import Board
from prunebench.leaderboard.chart_data import (
    PROTOCOLS,
    SPLITS,
    ChartBoard,
    ChartRow,
    Summary,
    Verdict,
    chart_boards,
)
from prunebench.leaderboard.columns import OVERVIEW, Column, middle_of
from prunebench.leaderboard.looks import SYMBOLS, looks
from prunebench.leaderboard.standing import floor_note
from prunebench.leaderboard.text import facts

UNIT = 1000  # means and intervals are in whole thousandths
DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
LEVELS = len(DIGITS) ** 2  # of a score or norm in a scatter: finer than a screen


class Numbered:
    """Distinct values and their numbers, so that what many rows share is written once."""

    def __init__(self) -> None:
        self.values: list[Any] = []
        self._numbers: dict[str, int] = {}

    def number(self, value: Any) -> int:
        """The number of this value, a new one if it is new."""
        key = json.dumps(value, sort_keys=True)
        if key not in self._numbers:
            self._numbers[key] = len(self.values)
            self.values.append(value)
        return self._numbers[key]


def page_data(boards: Sequence[Board]) -> dict[str, Any]:
    """All that the page shows of these boards; equal boards give equal data."""
    columns, scorers = Numbered(), Numbered()
    look = looks(boards)
    packed = [_board(board, columns, scorers) for board in chart_boards(boards)]
    return {
        "unit": UNIT,
        "digits": DIGITS,
        "symbols": [name for name, _ in SYMBOLS],
        "protocols": PROTOCOLS,
        "splits": SPLITS,
        "scorers": [
            scorer | {"colour": look[scorer["name"]].colour, "symbol": look[scorer["name"]].symbol}
            for scorer in scorers.values
        ],
        "columns": columns.values,
        "boards": packed,
    }


def _board(chart: ChartBoard, columns: Numbered, scorers: Numbered) -> dict[str, Any]:
    board, sections = chart.board, chart.sections
    used = [column for section in sections for column in section.columns]
    used = [column for column in used if any(column.summary(row) for row in board.rows)]
    numbers = {column.path: columns.number(_column(column)) for column in used}
    commands, environments = Numbered(), Numbered()
    rows = {
        "scorer": [scorers.number(_scorer(row)) for row in chart.rows],
        "step": [row.step for row in chart.rows],
        "relative": [_round(row.row["relative_time"]) for row in chart.rows],
        "rank": [None if row.rank is None else [row.rank.first, row.rank.last] for row in chart.rows],
        "steps": [row.steps for row in chart.rows],
        "own": [row.row["cost"]["extra_gradient_steps"] for row in chart.rows],
        "seconds": [_round(row.seconds) for row in chart.rows],
        "seeds": [len(row.row["seeds"]) for row in chart.rows],
        "error": [None if row.row["status"] == "ok" else row.row["error"] or "failed" for row in chart.rows],
        "version": [row.row["version"] for row in chart.rows],
        "source": [row.row["source"] for row in chart.rows],
        "command": [commands.number(row.row["command"]) for row in chart.rows],
        "environment": [environments.number(row.row["environment"]) for row in chart.rows],
    }
    verdicts = {step: chart.verdict(step) for step in chart.steps}
    return {
        "name": chart.name,
        "task": chart.task,
        "recipe": chart.recipe,
        "facts": facts(board),
        "floor": floor_note(board.rows),
        "drop": _round(board.training["drop_step"]),
        "training": chart.training_steps,
        "dense": {split: _thousandths(chart.dense(split)) for split in SPLITS},
        "overview": [[numbers[c.path], c.title] for c in OVERVIEW if c.path in numbers],
        "sections": [
            {
                "title": section.title,
                "note": section.note,
                "columns": [[numbers[c.path], c.title] for c in section.columns if c.path in numbers],
            }
            for section in sections
        ],
        "verdicts": [_verdict(step, verdict, chart) for step, verdict in verdicts.items()],
        "order": chart.order,
        "drawn": chart.drawn_scorers,
        "rows": rows,
        "values": {numbers[column.path]: _values(column, chart.rows) for column in used},
        "kept": _kept(used, chart.rows),
        "norms": None if chart.norms is None else pack([chart.norms[i] for i in chart.drawn_neurons]),
        "neurons": len(chart.norms or ()),
        "scores": _scores(chart),
        "provenance": {
            "task": board.task,
            "recipe": board.recipe,
            "evaluator": board.evaluator,
            "newest run": board.environment,
        },
        "commands": commands.values,
        "environments": environments.values,
    }


def _scorer(row: ChartRow) -> dict[str, Any]:
    kind = "oracle" if row.row["sees_end"] else "control" if row.row["control"] else "predictor"
    return {"name": row.name, "kind": kind}


def _column(column: Column) -> dict[str, Any]:
    return {"title": column.title, "path": list(column.path), "percent": column.percent}


def _verdict(step: int, verdict: Verdict | None, chart: ChartBoard) -> dict[str, Any]:
    if verdict is None:
        return {"step": step, "row": None}
    return {
        "step": step,
        "row": chart.rows.index(verdict.row),
        "spearman": _thousandths(verdict.row.spearman),
        "runner": verdict.runner_up,
        "ahead": _thousandths(verdict.ahead),
        "tied": verdict.tied,
        "costly": None if verdict.costly is None else chart.rows.index(verdict.costly),
    }


def _kept(columns: Sequence[Column], rows: Sequence[ChartRow]) -> dict[str, int]:
    """Neurons kept by share."""
    counts: dict[str, int] = {}
    for column in columns:
        for row in rows:
            summary = column.summary(row.row)
            if summary and "kept" in summary:
                counts[column.path[-1]] = summary["kept"]
    return counts


def _values(column: Column, rows: Sequence[ChartRow]) -> list[list[int | None]]:
    """Means, reaches below and above, and where there are medians how far above the means; row by row."""
    found = [column.summary(row.row) for row in rows]
    parts = [list(values) for values in zip(*map(_thousandths, found), strict=True)]
    return parts if any(summary and "median" in summary for summary in found) else parts[:-1]


def _thousandths(summary: Summary | None) -> list[int | None]:
    """The mean, how far the interval reaches below and above its middle, and how far above the mean that is.

    Short, as most are near. Where there is no mean the others are 0; the last is None where the middle is the
    mean itself.
    """
    if summary is None:
        return [None, 0, 0, 0]
    middle, *ends = middle_of(summary)
    mean, at = round(UNIT * summary["mean"]), round(UNIT * middle)
    low, high = (None if end is None else round(UNIT * end) for end in ends)
    reach = [None if low is None else at - low, None if high is None else high - at]
    return [mean, *reach, at - mean if "median" in summary else None]


def _round(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.4g}")


def _scores(chart: ChartBoard) -> list[list[Any] | None]:
    rows = {id(row) for row in chart.scattered()}
    return [
        pack([row.scores[i] for i in chart.drawn_neurons]) if row.scores and id(row) in rows else None
        for row in chart.rows
    ]


def pack(values: Sequence[float]) -> list[Any]:
    """Numbers of any magnitude in two characters each: `scale sinh(low + code (high - low) / (LEVELS - 1))`.

    The steps are even near 0 and relative above the scale, 0.3 % over ten decades.
    """
    numbers = np.asarray(values, dtype=float)
    sizes = np.abs(numbers[numbers != 0])
    scale = float(f"{np.quantile(sizes, 0.05):.6g}") if len(sizes) else 1.0
    bent = np.arcsinh(numbers / scale)
    low, high = (float(f"{end:.9g}") for end in (bent.min(), bent.max()))
    width = (high - low) or 1.0
    codes = np.clip(np.rint((bent - low) / width * (LEVELS - 1)), 0, LEVELS - 1).astype(int)
    text = "".join(DIGITS[code // len(DIGITS)] + DIGITS[code % len(DIGITS)] for code in codes)
    return [scale, low, high, text]


def unpack(packed: Sequence[Any]) -> list[float]:
    """What `pack` wrote, as the page reads it."""
    scale, low, high, text = packed
    codes = (DIGITS.index(text[i]) * len(DIGITS) + DIGITS.index(text[i + 1]) for i in range(0, len(text), 2))
    return [scale * math.sinh(low + code * (high - low) / (LEVELS - 1)) for code in codes]


def to_script(data: dict[str, Any]) -> str:
    """JSON that is inert inside `<script>`, whatever text it holds: ASCII without `<`, `>` and `&`."""
    text = json.dumps(data, allow_nan=False, separators=(",", ":"))
    return text.translate({ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&"})
