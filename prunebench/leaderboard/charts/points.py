"""The lines of the tables that charts draw, from a board.

`drawn` says whether a chart of lines shows it unless others are chosen.
"""

from collections.abc import Sequence
from typing import Any

from prunebench.evaluation.metrics import SPLITS
from prunebench.evaluation.protocols import SHUFFLED
from prunebench.evaluation.summary import Number, Summary, known
from prunebench.leaderboard.ceiling import TWIN, Ceiling, ceilings
from prunebench.leaderboard.chart_data import ChartBoard
from prunebench.leaderboard.charts.specs import CEILING
from prunebench.leaderboard.column import LEFT, Column
from prunebench.leaderboard.columns import GLOBAL, PRUNING, layer_columns
from prunebench.results import WHOLE, Row

Point = dict[str, Any]
KINDS_OF_ROWS = ("predictor", "control", "oracle", "ceiling")


def kinds(chart: ChartBoard, points: Sequence[Point]) -> dict[str, str]:
    """The scorers among the points, in the order of a legend, and what each is."""
    found = {point["scorer"]: point["kind"] for point in reversed(points) if "scorer" in point}
    places = {name: place for place, name in enumerate(chart.order)}
    order = sorted(found, key=lambda name: (KINDS_OF_ROWS.index(found[name]), places.get(name, 0), name))
    return {name: found[name] for name in order}


def drawn(points: Sequence[Point]) -> list[Point]:
    """Without the scorers that are drawn only when they are chosen."""
    return [point for point in points if point.get("drawn", True)]


def standing(chart: ChartBoard, column: Column, steps: Sequence[int]) -> list[Point]:
    """A line for each row with a number in a column; in percent what is a share."""
    scale = 100 if column.percent else 1
    return [
        _named(chart, row)
        | {name: scale * value for name, value in _interval(*summary.middle).items()}
        | {"panel": _panel(chart, row.at_step)}
        for row in chart.by_order()
        if row.at_step in steps and row.name != TWIN and (summary := column.summary(row))
    ]


def correlations(chart: ChartBoard) -> list[Point]:
    """A line for each row, with all that it can be drawn against; the ceiling at each step; marks."""
    drop, relative = chart.board.training.drop_step, {row.at_step: row.relative_time for row in chart.rows}
    points = [
        _point(chart, row, row.spearman)
        | {
            "panel": _panel(chart, row.at_step),
            "relative": row.relative_time,
            "steps": row.cost.steps,
            "seconds": chart.seconds(row),
            "share": chart.board.share_of_training(row),
        }
        for row in chart.by_order()
        if row.spearman and row.name != TWIN
    ]
    points += [
        _ceiling(ceiling) | {"step": step, "relative": relative[step]}
        for step, ceiling in ceilings(chart.board).items()
    ]
    marks = {
        "steps": chart.training_steps, "steps_mark": "one training", "share": 1, "share_mark": "one training",
        "step": drop, "step_mark": "t_drop", "relative": 1 if drop else None, "relative_mark": "t_drop",
    }  # fmt: skip
    return [*points, {"kind": "mark"} | marks]


def panels(by_split: bool = False) -> dict[tuple[str, str], str]:
    """The panels of what is kept, by protocol and split, in their order."""
    pairs = [(protocol, split) for protocol in PRUNING for split in SPLITS]
    order = sorted(pairs, key=lambda pair: [*SPLITS].index(pair[1])) if by_split else pairs
    titles = {protocol: title.replace(", ", ",\n") for protocol, (title, _) in PRUNING.items()}
    return {(protocol, split): f"{titles[protocol]}\n{SPLITS[split]}" for protocol, split in order}


def kept(chart: ChartBoard, step: int) -> list[Point]:
    """Accuracy against the share kept."""
    points = [
        _point(chart, row, summary) | {"panel": panel} | _left(chart, row, each, column.path[-1]) | more
        for row in chart.by_order(step)
        for (protocol, split), panel in panels().items()
        for each, more in ((protocol, {}), (SHUFFLED, {"kind": "shuffled"}))
        if protocol in {each, GLOBAL} and (not more or row.predicts)
        for column in chart.kept_curves(each, split)
        if (summary := column.summary(row))
    ]
    there, trained = {point["panel"] for point in points}, chart.board.training.metrics
    points += [
        {"panel": panel, "kind": "dense", "drawn": True, "middle": trained[split, "dense"].middle[0]}
        for (_, split), panel in panels().items()
        if panel in there
    ]
    return points


def layers(chart: ChartBoard, step: int) -> list[Point]:
    """The rank correlation in each layer, and its ceiling."""
    points = []
    for column in layer_columns(chart.board):
        found = [
            _point(chart, row, summary)
            for row in chart.by_order(step)
            if not row.sees_end and row.name != TWIN and (summary := column.summary(row))
        ]
        found += [_ceiling(at) for each, at in ceilings(chart.board, column.path).items() if each == step]
        points += [point | {"layer": column.title} for point in found]
    return points


def units(chart: ChartBoard, step: int) -> list[Point]:
    """One network: score and final norm of each unit that is drawn, for every scorer."""
    several = len(chart.drawn_layers) > 1
    names = [name if several else "" for name, drawn in chart.drawn_layers for _ in drawn]
    norms = [chart.norms[unit] for unit in chart.drawn_neurons] if chart.norms else []
    return [
        {"scorer": row.scorer, "kind": kind(row), "drawn": True, "place": place, "layer": name}
        | {"norm": norm, "score": score}
        for place, row in enumerate(chart.at(step))
        if (scores := chart.scores(row)) is not None
        for name, norm, score in zip(names, norms, scores, strict=True)
    ]


def _left(chart: ChartBoard, row: Row, protocol: str, share: str) -> Point:
    """Shares of the units, and where they were counted of the parameters and multiply-adds, that are left."""
    left: Point = {"units": float(share)}
    sizes = known(chart.board.training.sizes) or {}
    if protocol in (GLOBAL, SHUFFLED):
        summary = row.metrics.get((LEFT, GLOBAL, share))
        return left | ({"parameters": summary.mean} if summary else {})
    if WHOLE in sizes and share in sizes:
        parts, whole = sizes[share], sizes[WHOLE]
        left["parameters"] = parts.parameters / whole.parameters
        left["adds"] = parts.multiply_adds / whole.multiply_adds
    return left


def kind(row: Row) -> str:
    """What a row is to a chart."""
    if row.name == TWIN:
        return "ceiling"
    return "oracle" if row.sees_end else "control" if row.control else "predictor"


def _panel(chart: ChartBoard, step: int) -> str:
    drop = chart.board.training.drop_step
    return f"step {step:,}" + (f"\nt = {step / drop:.2g} t_drop" if drop else "")


def _point(chart: ChartBoard, row: Row, summary: Summary | None) -> Point:
    assert summary
    return _named(chart, row) | _interval(*summary.middle)


def _named(chart: ChartBoard, row: Row) -> Point:
    named = {"scorer": row.scorer, "kind": kind(row), "step": row.at_step}
    # Controls of other truths would be lines that nothing tells apart from the norms'.
    named["drawn"] = row.scorer in chart.drawn_scorers if row.predicts else row.scorer == row.name
    return named


def _ceiling(ceiling: Ceiling) -> Point:
    named = {"scorer": CEILING, "kind": "ceiling", "drawn": True}
    return named | _interval(ceiling.value, ceiling.low, ceiling.high)


def _interval(middle: Number, low: Number | None, high: Number | None) -> Point:
    return {"middle": middle, "low": middle if low is None else low, "high": middle if high is None else high}
