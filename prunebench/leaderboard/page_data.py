"""The boards as compact JSON for the page: columns of whole numbers, repeated texts by number."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from prunebench.evaluation.metrics import SPLITS
from prunebench.evaluation.summary import Number, Summary, known
from prunebench.leaderboard.across import EARLY, by_family, steps_of
from prunebench.leaderboard.board import Board
from prunebench.leaderboard.chart_data import ChartBoard, kind
from prunebench.leaderboard.charts import points
from prunebench.leaderboard.charts.points import Point
from prunebench.leaderboard.charts.specs import CEILING, CHARTS, Look, specification
from prunebench.leaderboard.citation import cite_prunebench
from prunebench.leaderboard.column import Column
from prunebench.leaderboard.columns import SPEARMAN, telling
from prunebench.leaderboard.cost import BUDGETS
from prunebench.leaderboard.critical_difference import moment_words, verdict
from prunebench.leaderboard.critical_difference import points as rank_points
from prunebench.leaderboard.overview import compared, in_order
from prunebench.leaderboard.packing import DIGITS, PER_ONE, Numbered, Shares, pack, pack_shares
from prunebench.leaderboard.ranks import floor_note, left_out_note, marks
from prunebench.leaderboard.styles import LIGHT, SYMBOLS, style_of
from prunebench.leaderboard.text import facts, heading, task_words
from prunebench.results import Row
from prunebench.version import version

LEAST = {"correlation": 0.01, "percent": 0.001}  # differences below are negligible, however sure
OVERVIEW_COLUMNS = 5  # as many as a window of 1280 px has room for
PAGE = Look(
    colours=tuple(f"var(--s{place})" for place in range(len(LIGHT))),
    **{name: f"var(--{name})" for name in ("ink", "soft", "gray", "line")},
    paper="var(--page)",
    background="transparent",
    font="system-ui, sans-serif",
    size=12.0,
)


def page_data(boards: Sequence[Board]) -> dict[str, Any]:
    """All that the page shows of these boards; equal boards give equal data."""
    columns, scorers = Numbered(), Numbered()
    compared_by = compared(boards) or [SPEARMAN]  # boards without any number are said to have none
    ordered = in_order(boards)
    charts = [ChartBoard(board) for board in ordered]
    both = zip(ordered, charts, strict=True)
    packed = [_board(board, chart, columns, scorers, compared_by) for board, chart in both]
    return {
        "version": version(),
        "digits": DIGITS,
        "per_one": PER_ONE,
        "budgets": BUDGETS,
        "least": LEAST,
        "symbols": SYMBOLS,
        "charts": _charts(charts),
        "splits": SPLITS,
        "scorers": scorers.values,
        "columns": columns.values,
        "metrics": [_column(column) for column in compared_by],
        "across": _across(boards, compared_by),
        "boards": packed,
    }


def _across(boards: Sequence[Board], columns: Sequence[Column]) -> list[dict[str, Any]]:
    """How scorers stand over the boards: by metric, at each step and before the plateau ends."""
    return [
        {
            "metric": columns.index(one.column),
            "moment": moment_words(one.step),
            "family": one.family,
            "boards": len(one.boards),
            "verdict": verdict(one),
            "firsts": [one.firsts[scorer] for scorer in one.order],
            "wins": [_round(one.win_rates[scorer]) for scorer in one.order],
            "points": _rounded(rank_points(one)),
        }
        for one in by_family(boards, columns, (EARLY, *steps_of(boards)))
    ]


def _board(
    board: Board, chart: ChartBoard, columns: Numbered, scorers: Numbered, compared_by: Sequence[Column]
) -> dict[str, Any]:
    used = [column for section in chart.sections for column in section.columns]
    numbers = {column.path: columns.number(_column(column)) for column in used}
    commands, environments = Numbered(), Numbered()
    ranks = [chart.ranks_by(SPEARMAN).get(row.key) for row in chart.rows]
    order = {row.key: place for place, row in enumerate(chart.by_order)}
    places = points.places(chart)
    rows = {
        "scorer": [scorers.number(_scorer(row)) for row in chart.rows],
        "step": [row.at_step for row in chart.rows],
        "relative": [_round(row.relative_time) for row in chart.rows],
        "rank": [None if rank is None else [rank.first, rank.last] for rank in ranks],
        "steps": [row.cost.steps for row in chart.rows],
        "share": [_round(board.share_of_training(row)) for row in chart.rows],
        "left": [points.parameters_left(row) for row in chart.rows],
        "place": [order[row.key] for row in chart.rows],
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
        "recipe": board.recipe.in_words,
        "network": board.recipe.network_spec,
        "units": board.units_word,
        "facts": facts(board),
        "cite": board.citation + cite_prunebench(version()),
        "newest": max((row.environment.get("utc", "") for row in chart.rows), default="")[:10] or None,
        "floor": " ".join(filter(None, (floor_note(board.rows), left_out_note(board.rows)))) or None,
        "drop": _round(board.training.drop_step),
        "training": board.training_steps,
        "dense": {s: _numbers(board.training.metrics[s, "dense"], percent=True) for s in SPLITS},
        "overview": [[numbers[c.path], c.title] for c in telling(board, OVERVIEW_COLUMNS)],
        "sections": [
            {
                "title": section.title,
                "note": section.note,
                "columns": [[numbers[c.path], c.title] for c in section.columns],
            }
            for section in chart.sections
        ],
        "verdicts": [[_winner(step, column, chart) for step in chart.steps] for column in compared_by],
        "order": chart.order,
        "drawn": chart.drawn_scorers,
        "rows": rows,
        "values": {numbers[column.path]: _values(column, chart.rows) for column in used},
        "marks": {numbers[c.path]: m for c in used if (m := _marks(c, chart))},
        "norms": pack([chart.norms[i] for i in chart.drawn_neurons]) if chart.norms else None,
        "neurons": len(chart.norms),
        "drawn_layers": [[name, len(units)] for name, units in chart.drawn_layers],
        "scores": [None if drawn is None else pack(drawn) for drawn in map(chart.scores, chart.rows)],
        "places": {numbers[column.path]: place for column, place in places.items()},
        "ceilings": _rounded(points.ceiling_points(board, places)),
        "ends": points.ends(chart),
        "provenance": {
            "task": board.task.record,
            "recipe": board.recipe.record,
            "evaluator": board.evaluator,
            "newest run": board.environment,
        },
        "commands": commands.values,
        "environments": environments.values,
    }


def _charts(charts: Sequence[ChartBoard]) -> dict[str, Any]:
    """The specifications of the charts; the page gives them their width and a board's points."""
    kinds = {row.scorer: kind(row) for chart in charts for row in chart.by_order} | {CEILING: "ceiling"}
    words = {chart.board.units_word for chart in charts}
    units = words.pop() if len(words) == 1 else "units"
    return {name: specification(name, kinds, PAGE, units=units) for name in CHARTS}


def _scorer(row: Row) -> dict[str, Any]:
    kind = "oracle" if row.sees_end else "control" if row.control else "predictor"
    style = asdict(style_of(row.scorer)) | ({} if row.predicts else {"colour": None})
    return {"name": row.scorer, "kind": kind, "point": points.about(row)} | style


def _column(column: Column) -> dict[str, Any]:
    return {"title": column.title, "path": list(column.path), "percent": column.percent}


def _winner(step: int, column: Column, chart: ChartBoard) -> dict[str, Any]:
    winner = chart.winner(step, column)
    if winner is None:
        return {"step": step, "row": None}
    costly = None if winner.costly is None else _numbers(column.summary(winner.costly), column.percent)
    return {
        "step": step,
        "row": chart.rows.index(winner.row),
        "value": _numbers(column.summary(winner.row), column.percent),
        "runner": winner.runner_up,
        "ahead": _numbers(winner.ahead),
        "tied": winner.tied,
        "better": winner.better,
        "costly": None if winner.costly is None else chart.rows.index(winner.costly),
        "costly_value": costly,
    }


def _numbers(summary: Summary | None, percent: bool | None = None) -> list[float | None] | None:
    """Mean, ends of the interval, and the median where that is what the interval is of.

    Given whether they are in percent, in thousandths that the page shows as tables of text do.
    """
    if summary is None:
        return None
    _, *ends = summary.middle
    numbers = (summary.mean, *ends, known(summary.median))
    return [_round(number) if percent is None else _as_shown(number, percent) for number in numbers]


def _values(column: Column, rows: Sequence[Row]) -> list[Shares]:
    """The same of all rows, each packed; of columns without medians the first three."""
    found = [_numbers(column.summary(row), column.percent) or [None] * 4 for row in rows]
    parts = [pack_shares(values) for values in zip(*found, strict=True)]
    return parts if any(numbers[3] is not None for numbers in found) else parts[:-1]


def _marks(column: Column, chart: ChartBoard) -> str:
    """A letter for each row: `*`, `°` or none; nothing where no row has a mark."""
    found = marks(chart.board.rows, column) if column.compares else {}
    return "".join(found.get(row.key, " ") for row in chart.rows).rstrip()


def _rounded(points: Sequence[Point]) -> list[Point]:
    return [{key: _round(v) if isinstance(v, float) else v for key, v in point.items()} for point in points]


def _round(value: Number | None) -> float | None:
    return None if value is None else float(f"{value:.4g}")


def _as_shown(value: Number | None, percent: bool) -> float | None:
    """The nearest thousandth, but for a correlation half-way between hundredths: it moves to its own side.

    To round 0.8153 to 0.815, and that again, gives 0.81.
    """
    if value is None:
        return None
    if percent:
        return round(100 * value, 1) / 100
    near = round(value, 3)
    half_way = round(1000 * near) % 10 == 5
    return round(near + (0.001 if round(value, 2) > near else -0.001), 3) if half_way else near
