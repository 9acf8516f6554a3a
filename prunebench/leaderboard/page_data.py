"""The boards as compact JSON for the page: columns of whole numbers, repeated texts by number."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from msgspec import UNSET

from prunebench.evaluation.metrics import SPLITS
from prunebench.evaluation.protocols import SHUFFLED
from prunebench.evaluation.summary import Summary, known
from prunebench.leaderboard.board import Board
from prunebench.leaderboard.chart_data import ChartBoard, Winner, chart_boards
from prunebench.leaderboard.columns import (
    LEFT,
    PRUNING,
    Column,
    layer_columns,
    telling,
)
from prunebench.leaderboard.ranks import floor_note
from prunebench.leaderboard.styles import SYMBOLS, style_of
from prunebench.leaderboard.text import facts, heading, task_words
from prunebench.results import WHOLE, Row

OVERVIEW_COLUMNS = 5  # as many as a window of 1280 px has room for
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
    packed = [_board(board, columns, scorers) for board in chart_boards(boards)]
    return {
        "unit": UNIT,
        "digits": DIGITS,
        "symbols": list(SYMBOLS),
        "protocols": {protocol: title for protocol, (title, _) in PRUNING.items()},
        "shuffled": SHUFFLED,
        "left": LEFT,
        "splits": SPLITS,
        "scorers": scorers.values,
        "columns": columns.values,
        "boards": packed,
    }


def _board(chart: ChartBoard, columns: Numbered, scorers: Numbered) -> dict[str, Any]:
    board, sections = chart.board, chart.sections
    used = [column for section in sections for column in section.columns]
    used = [column for column in used if any(column.summary(row) for row in board.rows)]
    numbers = {column.path: columns.number(_column(column)) for column in used}
    commands, environments = Numbered(), Numbered()
    ranks = [chart.ranks.get(row.key) for row in chart.rows]
    scores = [chart.scores(row) for row in chart.rows]
    rows = {
        "scorer": [scorers.number(_scorer(row)) for row in chart.rows],
        "step": [row.at_step for row in chart.rows],
        "relative": [_round(row.relative_time) for row in chart.rows],
        "rank": [None if rank is None else [rank.first, rank.last] for rank in ranks],
        "steps": [row.cost.steps for row in chart.rows],
        "own": [row.cost.extra_gradient_steps for row in chart.rows],
        "seconds": [_round(chart.seconds(row)) for row in chart.rows],
        "seeds": [len(row.seeds) for row in chart.rows],
        "error": [None if row.status == "ok" else row.error or row.status for row in chart.rows],
        "unfit": [row.status == "unfit" for row in chart.rows],
        "version": [row.version for row in chart.rows],
        "source": [row.source for row in chart.rows],
        "command": [commands.number(row.command) for row in chart.rows],
        "environment": [environments.number(row.environment) for row in chart.rows],
    }
    return {
        "name": board.name,
        "task": task_words(board),
        "heading": heading(board),
        "recipe": chart.recipe,
        "network": board.recipe.network_spec,
        "units": board.units_word,
        "layers": [numbers[column.path] for column in layer_columns(board)],
        "sizes": _sizes(board),
        "facts": facts(board),
        "floor": floor_note(board.rows),
        "drop": _round(board.training.drop_step),
        "training": chart.training_steps,
        "dense": {split: _thousandths(board.training.metrics[split, "dense"]) for split in SPLITS},
        "overview": [[numbers[c.path], c.title] for c in telling(board, OVERVIEW_COLUMNS)],
        "sections": [
            {
                "title": section.title,
                "note": section.note,
                "columns": [[numbers[c.path], c.title] for c in section.columns if c.path in numbers],
            }
            for section in sections
        ],
        "verdicts": [_winner(step, chart.winner(step), chart) for step in chart.steps],
        "order": chart.order,
        "drawn": chart.drawn_scorers,
        "rows": rows,
        "values": {numbers[column.path]: _values(column, chart.rows) for column in used},
        "kept": _kept(used, chart.rows),
        "norms": pack([chart.norms[i] for i in chart.drawn_neurons]) if chart.norms else None,
        "neurons": len(chart.norms),
        "drawn_layers": [[name, len(units)] for name, units in chart.drawn_layers],
        "scores": [None if drawn is None else pack(drawn) for drawn in scores],
        "provenance": {
            "task": board.task.record,
            "recipe": board.recipe.record,
            "evaluator": board.evaluator,
            "newest run": board.environment,
        },
        "commands": commands.values,
        "environments": environments.values,
    }


def _sizes(board: Board) -> dict[str, list[float]]:
    """Shares of the parameters and of the multiply-adds that are left, by share of units kept."""
    sizes = known(board.training.sizes) or {}
    whole = sizes.get(WHOLE)
    if whole is None:
        return {}
    return {
        share: [_short(size.parameters / whole.parameters), _short(size.multiply_adds / whole.multiply_adds)]
        for share, size in sizes.items()
    }


def _scorer(row: Row) -> dict[str, Any]:
    kind = "oracle" if row.sees_end else "control" if row.control else "predictor"
    style = asdict(style_of(row.scorer))
    return {"name": row.scorer, "kind": kind} | style | ({"colour": None} if kind != "predictor" else {})


def _column(column: Column) -> dict[str, Any]:
    return {"title": column.title, "path": list(column.path), "percent": column.percent}


def _winner(step: int, winner: Winner | None, chart: ChartBoard) -> dict[str, Any]:
    if winner is None:
        return {"step": step, "row": None}
    return {
        "step": step,
        "row": chart.rows.index(winner.row),
        "spearman": _thousandths(winner.row.spearman),
        "runner": winner.runner_up,
        "ahead": _thousandths(winner.ahead),
        "tied": winner.tied,
        "costly": None if winner.costly is None else chart.rows.index(winner.costly),
    }


def _kept(columns: Sequence[Column], rows: Sequence[Row]) -> dict[str, int]:
    """Neurons kept by share."""
    return {
        column.path[-1]: summary.kept
        for column in columns
        for row in rows
        if (summary := column.summary(row)) and summary.kept is not UNSET
    }


def _values(column: Column, rows: Sequence[Row]) -> list[list[int | None]]:
    """Means, reaches below and above, and where there are medians how far above the means; row by row."""
    found = [column.summary(row) for row in rows]
    parts = [list(values) for values in zip(*map(_thousandths, found), strict=True)]
    return parts if any(summary and summary.median is not UNSET for summary in found) else parts[:-1]


def _thousandths(summary: Summary | None) -> list[int | None]:
    """The mean, how far the interval reaches below and above its middle, and how far above the mean that is.

    Short, as most are near. Where there is no mean the others are 0; the last is None where the middle is the
    mean itself.
    """
    if summary is None:
        return [None, 0, 0, 0]
    middle, *ends = summary.middle
    mean, at = round(UNIT * summary.mean), round(UNIT * middle)
    low, high = (None if end is None else round(UNIT * end) for end in ends)
    reach = [None if low is None else at - low, None if high is None else high - at]
    return [mean, *reach, None if summary.median is UNSET else at - mean]


def _round(value: float | None) -> float | None:
    return None if value is None else _short(value)


def _short(value: float) -> float:
    return float(f"{value:.4g}")


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


def to_script(data: dict[str, Any]) -> str:
    """JSON that is inert inside `<script>`, whatever text it holds: ASCII without `<`, `>` and `&`."""
    text = json.dumps(data, allow_nan=False, separators=(",", ":"))
    return text.translate({ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&"})
