"""What the page shows of boards, as plain JSON: numbers in as many digits as are seen."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from prunebench.evaluation.metrics import SPLITS
from prunebench.evaluation.summary import Number, Summary, known
from prunebench.leaderboard.across import EARLY, by_family, steps_of
from prunebench.leaderboard.apart import apart
from prunebench.leaderboard.board import Board
from prunebench.leaderboard.chart_data import ChartBoard, kind
from prunebench.leaderboard.charts import points
from prunebench.leaderboard.charts.specs import CEILING, CHARTS, Look, specification
from prunebench.leaderboard.citation import cite_prunebench
from prunebench.leaderboard.column import Column
from prunebench.leaderboard.columns import SPEARMAN, telling
from prunebench.leaderboard.cost import SPANS, span_of
from prunebench.leaderboard.critical_difference import interval, moment_words, verdict
from prunebench.leaderboard.critical_difference import points as rank_points
from prunebench.leaderboard.overview import compared, in_order
from prunebench.leaderboard.ranks import floor_note, left_out_note, marks, rank_rows
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
    compared_by = compared(boards) or [SPEARMAN]  # boards without any number are said to have none
    ordered = in_order(boards)
    charts = [ChartBoard(board) for board in ordered]
    every = zip(ordered, charts, apart(ordered), strict=True)
    return {
        "version": version(),
        "spans": SPANS,
        "least": LEAST,
        "symbols": SYMBOLS,
        "charts": _charts(charts),
        "splits": SPLITS,
        "metrics": [*map(_column, compared_by)],
        "across": _across(boards, compared_by),
        "boards": [_board(board, chart, compared_by) | {"apart": said} for board, chart, said in every],
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
            "ranks": [interval(one, scorer) for scorer in one.order],
            "wins": [f"{100 * one.win_rates[scorer]:.0f} %" for scorer in one.order],
            "points": _rounded(rank_points(one)),
        }
        for one in by_family(boards, columns, (EARLY, *steps_of(boards)))
    ]


def _board(board: Board, chart: ChartBoard, compared_by: Sequence[Column]) -> dict[str, Any]:
    used = {column.name: column for section in chart.sections for column in section.columns}
    marked = {name: marks(board.rows, column) for name, column in used.items() if column.compares}
    ranks = rank_rows(board.rows)
    rows = [
        {
            "look": _look(row),
            "step": row.at_step,
            "relative": _round(row.relative_time),
            "rank": [rank.first, rank.last] if (rank := ranks.get(row.key)) else None,
            "steps": row.cost.steps,
            "early": board.predicts_early(row),
            "own": row.cost.extra_gradient_steps,
            "seconds": _round(chart.seconds(row)),
            "seeds": len(row.seeds),
            "error": None if row.status == "ok" else row.error or row.status,
            "unfit": row.status == "unfit",
            "version": row.version,
            "source": row.source,
            "command": row.command,
            "environment": row.environment,
            "values": {
                name: _numbers(summary, column.percent)
                for name, column in used.items()
                if (summary := column.summary(row))
            },
            "marks": {name: found[row.key] for name, found in marked.items() if row.key in found},
        }
        for row in chart.rows
    ]
    return {
        "name": board.name,
        "task": task_words(board),
        "heading": heading(board),
        "recipe": board.recipe.in_words,
        "network": board.recipe.network_spec,
        "units": board.units_word,
        "facts": facts(board),
        "cite": board.citation + cite_prunebench(version()),
        "newest": max((str(row.environment.get("utc", "")) for row in chart.rows), default="")[:10] or None,
        "floor": " ".join(filter(None, (floor_note(board.rows), left_out_note(board.rows)))) or None,
        "training": board.training_steps,
        "dense": _numbers(board.training.metrics["accuracy", "dense"], percent=True),
        "overview": [*map(_column, telling(board, OVERVIEW_COLUMNS))],
        "sections": [
            {"title": section.title, "note": section.note, "columns": [*map(_column, section.columns)]}
            for section in chart.sections
        ],
        "verdicts": [
            [_winner(step, column, chart) | {"span": span_of(step, board)} for step in chart.steps]
            for column in compared_by
        ],
        "order": chart.order,
        "drawn": chart.drawn_scorers,
        "rows": rows,
        "neurons": len(chart.norms),
        "points": _columns(_rounded(points.table(chart))),
        "ends": points.ends(chart),
        "provenance": {
            "task": board.task.record,
            "recipe": board.recipe.record,
            "evaluator": board.evaluator,
            "newest run": board.environment,
        },
    }


def _charts(charts: Sequence[ChartBoard]) -> dict[str, Any]:
    """The specifications of the charts; the page gives them their width and a board's points."""
    kinds = {row.scorer: kind(row) for chart in charts for row in chart.by_order} | {CEILING: "ceiling"}
    units, within = {chart.board.units_word for chart in charts}, {chart.within for chart in charts}
    given: dict[str, Any] = {"units": units.pop() if len(units) == 1 else "units"}
    if len(within) == 1:
        given["within"] = within.pop()
    else:
        given["norm"] = "norm"  # a note says of what
    return {name: specification(name, kinds, PAGE, **given) for name in CHARTS}


def _look(row: Row) -> dict[str, Any]:
    kind = "oracle" if row.sees_end else "control" if row.control else "predictor"
    style = asdict(style_of(row.scorer)) | ({} if row.predicts else {"colour": None})
    return {"name": row.scorer, "kind": kind} | style


def _column(column: Column) -> dict[str, Any]:
    return {"id": column.name, "title": column.title, "path": column.path, "percent": column.percent}


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
        "untested": winner.untested,
        "sign": winner.sign,
        "costly": None if winner.costly is None else chart.rows.index(winner.costly),
        "costly_value": costly,
    }


def _numbers(summary: Summary | None, percent: bool | None = None) -> dict[str, float | None] | None:
    """Mean, ends of the interval, and the median where that is what the interval is of.

    Given whether they are in percent, in thousandths that the page shows as tables of text do.
    """
    if summary is None:
        return None
    _, low, high = summary.middle
    numbers = {"mean": summary.mean, "low": low, "high": high, "median": known(summary.median)}
    return {of: _round(n) if percent is None else _as_shown(n, percent) for of, n in numbers.items()}


def _columns(lines: Sequence[dict[str, Any]]) -> dict[str, list[Any]]:
    """What lines say, by key: columns compress to half as much."""
    keys = dict.fromkeys(key for line in lines for key in line)
    return {key: [line.get(key) for line in lines] for key in keys}


def _rounded(value: Any) -> Any:
    """With all its numbers in four digits."""
    if isinstance(value, dict):
        return {key: _rounded(part) for key, part in value.items()}
    if isinstance(value, list):
        return [*map(_rounded, value)]
    return _round(value) if isinstance(value, float) else value


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
