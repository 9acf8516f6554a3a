"""The lines of the table that charts draw, from a board: its numbers, each with its place in a chart.

The page has the same lines, and draws them with the same specifications (charts.js).
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from prunebench.evaluation.metrics import BY_LAYER, SPLITS, Path, protocol_of
from prunebench.evaluation.protocols import SHUFFLED
from prunebench.evaluation.summary import Number
from prunebench.leaderboard.ceiling import ceilings, twin_rows
from prunebench.leaderboard.chart_data import ChartBoard, kind
from prunebench.leaderboard.charts.specs import CEILING
from prunebench.leaderboard.column import LEFT, Column
from prunebench.leaderboard.columns import GLOBAL, PRUNING, SPEARMAN
from prunebench.results import Results, Row

Point = dict[str, Any]
Places = Mapping[Column, Point]


def table(chart: ChartBoard) -> list[Point]:
    """All that the charts of a board can draw."""
    found = places(chart)
    return [*points(chart, found), *ceiling_points(chart.board, found), *units(chart)]


def is_drawn(point: Point, about: Mapping[str, Any], chosen: Collection[str]) -> bool:
    """Whether a chart draws a line of the table, when these predictors are chosen.

    Controls of other truths would be lines that nothing tells apart from the norms'.
    """
    if point["of"] != about["of"] or point.get(about["x"]) is None or point["kind"] in about["without"]:
        return False
    competes = point["kind"] in ("predictor", "shuffled")
    return about.get("every", False) or (point["scorer"] in chosen if competes else point["plain"])


def kinds(points: Sequence[Point]) -> dict[str, str]:
    """The scorers among the points, in the order of a legend, and what each is."""
    return {point["scorer"]: point["kind"] for point in points if point["kind"] != "shuffled"}


def places(chart: ChartBoard) -> dict[Column, Point]:
    """The columns that are drawn: in which charts (`of`), and where there."""
    found: dict[Column, Point] = {}
    for column in (column for section in chart.sections for column in section.columns):
        if column == SPEARMAN:
            found[column] = {"of": "correlation"}
        elif column.path[0] == BY_LAYER:
            found[column] = {"of": "layer", "layer": column.title}
        elif column.path[0] in SPLITS:
            found[column] = {"of": "kept"} | _kept(chart.board, column.path)
    kept = [place for place in found.values() if place["of"] == "kept"]
    if len({place["units"] for place in kept}) == 1:  # no axis to draw: scorers stand below each other
        for place in kept:
            share = place.pop("units")
            place |= {"alone": share, "panel": f"{place['panel']}, {100 * share:g} % kept"}
    return found


def about(row: Row) -> Point:
    """What all lines say of a row's scorer."""
    return {"scorer": row.scorer, "kind": kind(row), "plain": row.scorer == row.name}


def points(chart: ChartBoard, places: Places) -> list[Point]:
    """A line for each number that a row has in these columns."""
    return [
        about(row)
        | {"step": row.at_step, "relative": row.relative_time, "steps": row.cost.steps}
        | {"seconds": chart.seconds(row), "share": chart.board.share_of_training(row)}
        | ({"parameters": parameters_left(row)[place["by_row"]]} if "by_row" in place else {})
        | place
        | _interval(*summary.middle, percent=column.percent)
        for row in chart.by_order
        for column, place in places.items()
        if (summary := column.summary(row))
    ]


def ceiling_points(board: Results, places: Places) -> list[Point]:
    """A line for the noise ceiling of each correlation at each step."""
    relative = {step: row.relative_time for step, row in twin_rows(board).items()}
    return [
        {"scorer": CEILING, "kind": "ceiling", "plain": True, "step": step, "relative": relative[step]}
        | place
        | _interval(ceiling.value, ceiling.low, ceiling.high)
        for column, place in places.items()
        if not column.percent
        for step, ceiling in ceilings(board, column.path).items()
    ]


def units(chart: ChartBoard) -> list[Point]:
    """A line for each layer of the example network and every row that scores it: of the units drawn."""
    return [
        about(row)
        | {"of": "unit", "step": row.at_step, "layer": layer if chart.within else ""}
        | {"norm": [chart.norms[unit] for unit in units], "rank": _ranks(np.array(scores)[units])}
        for row in chart.rows
        if (scores := chart.scores(row))
        for layer, units in chart.drawn_layers
    ]


def ends(chart: ChartBoard) -> Point:
    """Where on an axis one training ends, or the plateau."""
    drop = chart.board.training.drop_step
    return {"steps": chart.board.training_steps, "share": 1, "step": drop, "relative": 1 if drop else None}


def parameters_left(row: Row) -> dict[str, Number]:
    """What one threshold over all layers leaves of the parameters, by the share of the units kept.

    The share is a text, as in paths: as a number it has another spelling in JavaScript than as a key in JSON.
    """
    return {path[-1]: s.mean for path, s in row.metrics.items() if path[:2] == (LEFT, GLOBAL)}


def _kept(board: Results, path: Path) -> Point:
    """The panel of an accuracy, and what is left: of a threshold over all layers each row says it itself."""
    split, name, share = path
    protocol = protocol_of(path)
    assert protocol
    title = PRUNING[protocol][0].replace(", ", ",\n")
    place = {
        "panel": f"{title}\n{SPLITS[split]}",
        "split": split,
        "units": float(share),
        "dense": 100 * board.training.metrics[split, "dense"].middle[0],
    }
    if protocol == GLOBAL:
        return place | {"by_row": share} | ({"kind": "shuffled"} if name == SHUFFLED else {})
    return place | dict(zip(("parameters", "adds"), board.shares_left(share) or (), strict=False))


def _ranks(scores: Float[np.ndarray, " units"]) -> list[int]:
    """Of each score, from the lowest, 1; equal ones share the first of their places."""
    ranks: list[int] = (1 + np.searchsorted(np.sort(scores), scores)).tolist()
    return ranks


def _interval(middle: Number, low: Number | None, high: Number | None, percent: bool = False) -> Point:
    ends = {"middle": middle, "low": low, "high": high}
    return {end: value if value is None or not percent else 100 * value for end, value in ends.items()}
