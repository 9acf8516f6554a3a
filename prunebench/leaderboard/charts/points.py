"""The lines of the tables that charts draw, from a board."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from scipy import stats

from prunebench.evaluation.fractions import kept_count
from prunebench.evaluation.metrics import SPLITS
from prunebench.evaluation.protocols import SHUFFLED
from prunebench.evaluation.summary import Number, Summary
from prunebench.leaderboard.ceiling import TWIN, ceilings
from prunebench.leaderboard.chart_data import ChartBoard
from prunebench.leaderboard.charts.look import CEILING
from prunebench.leaderboard.columns import GLOBAL, PRUNING, layer_columns
from prunebench.results import Row

Point = dict[str, Any]


def kinds(chart: ChartBoard, points: Sequence[Point]) -> dict[str, str]:
    """The scorers among the points, in the order of a legend, and what each is."""
    found = {point["scorer"]: point["kind"] for point in reversed(points) if "scorer" in point}
    order = [*chart.order, *sorted(found), CEILING]
    places = {name: place for place, name in reversed(list(enumerate(order)))}
    names = sorted(found, key=lambda name: (kind_place(found[name]), places[name]))
    return {name: found[name] for name in names}


def kind_place(kind: str) -> int:
    """Predictors first."""
    return ("predictor", "control", "oracle", "ceiling").index(kind)


def correlations(chart: ChartBoard) -> list[Point]:
    """A line for each row that is drawn, with all that it can be drawn against; the ceiling at each step."""
    points = []
    for row in chart.rows:
        if (row.predicts and row.scorer not in chart.drawn_scorers) or not row.spearman:
            continue
        if row.name != TWIN:
            points.append(_point(row, row.spearman) | _against(chart, row))
    times = {row.at_step: row.relative_time for row in chart.rows}
    points += [
        {"scorer": CEILING, "kind": "ceiling", "step": step, "relative": times[step]}
        | _interval(ceiling.value, ceiling.low, ceiling.high)
        for step, ceiling in ceilings(chart.board).items()
    ]
    whole = {
        "kind": "mark", "steps": chart.training_steps, "steps_mark": "one training",
        "share": 1, "share_mark": "one training", "relative": 1, "relative_mark": "t_drop",
    }  # fmt: skip
    return [*points, whole]


def standing(chart: ChartBoard, steps: Sequence[int]) -> list[Point]:
    """All rows with a rank correlation at these steps."""
    drop = chart.board.training.drop_step
    titles = {step: f"step {step:,}" + (f"\nt = {step / drop:.2g} t_drop" if drop else "") for step in steps}
    return [
        _point(row, row.spearman) | {"panel": titles[row.at_step], "place": row.at_step}
        for step in steps
        for row in chart.at(step)
        if row.spearman and row.name != TWIN
    ]


def kept(chart: ChartBoard, step: int, by_split: bool = False) -> list[Point]:
    """Accuracy against the share kept, by protocol and split, or by split and protocol."""
    points = []
    for place, (protocol, (name, _)) in enumerate(PRUNING.items()):
        for second, (split, title) in enumerate(SPLITS.items()):
            dense, _, _ = chart.board.training.metrics[split, "dense"].middle
            panel = {
                "panel": f"{name}\n{title}",
                "place": second * len(PRUNING) + place if by_split else 2 * place + second,
            }
            found = [
                _point(row, summary) | panel | {"x": float(column.path[-1])} | more
                for each, more in ((protocol, {}), (SHUFFLED, {"kind": "shuffled"}))
                if protocol in {each, GLOBAL}
                for column in chart.kept_curves(each, split)
                for row in _drawn(chart, step)
                if (summary := column.summary(row)) and (not more or row.predicts)
            ]
            points += [*found, {"kind": "dense", "middle": dense} | panel] if found else []
    return points


def layers(chart: ChartBoard, step: int) -> list[Point]:
    """The rank correlation in each layer."""
    return [
        _point(row, summary) | {"layer": column.title}
        for column in layer_columns(chart.board)
        for row in _drawn(chart, step)
        if not row.sees_end and row.name != TWIN and (summary := column.summary(row))
    ]


def units(chart: ChartBoard, step: int) -> list[Point]:
    """One network: score and final norm of each unit that is drawn, for every scorer.

    Of several layers both are within the unit's layer: a share of its units, and of its largest norm.
    """
    points = [point for place, row in enumerate(chart.at(step)) for point in _units(chart, row, place)]
    norms = np.array([point["norm"] for point in points if point["norm"] > 0])
    if not len(norms):
        return []
    low, high = np.floor(np.log10(np.quantile(norms, 0.05))), np.ceil(np.log10(norms.max()))
    apart = max(1, round((high - low) / 4))
    ticks = [0.0, *(float(f"1e{power:.0f}") for power in np.arange(low, high + 1, apart))]
    points[0] |= {"constant": float(f"1e{low:.0f}"), "ticks": ticks}
    return points


def _units(chart: ChartBoard, row: Row, place: int) -> Iterator[Point]:
    drawn = chart.scores(row)
    if drawn is None:
        return
    several, scores, first = len(chart.drawn_layers) > 1, np.asarray(drawn), 0
    for _, places in chart.drawn_layers:
        ranks = stats.rankdata(scores[first : first + len(places)])
        norms = np.asarray(chart.norms)[places]
        best, first = np.sort(ranks)[-kept_count(len(ranks), 0.1)], first + len(places)
        largest = float(np.sort(norms)[-kept_count(len(norms), 0.1)])
        across, up = (len(ranks), norms.max() or 1.0) if several else (1, 1.0)
        named = {"scorer": row.scorer, "kind": _kind(row), "place": place}
        for rank, norm in zip(ranks.tolist(), norms.tolist(), strict=True):
            yield named | {"x": rank / across, "norm": float(f"{norm / up:.4g}"), "kept": bool(rank >= best)}
        if not several:
            yield named | {"kind": "cut", "norm": largest}


def _drawn(chart: ChartBoard, step: int) -> list[Row]:
    return [row for row in chart.at(step) if row.scorer in chart.drawn_scorers or not row.predicts]


def _kind(row: Row) -> str:
    if row.name == TWIN:
        return "ceiling"
    return "oracle" if row.sees_end else "control" if row.control else "predictor"


def _point(row: Row, summary: Summary | None) -> Point:
    assert summary
    return {"scorer": row.scorer, "kind": _kind(row), **_interval(*summary.middle)}


def _interval(middle: Number, low: Number | None, high: Number | None) -> Point:
    return {
        "middle": middle, "low": middle if low is None else low, "high": middle if high is None else high
    }  # fmt: skip


def _against(chart: ChartBoard, row: Row) -> Point:
    return {
        "step": row.at_step,
        "relative": row.relative_time,
        "steps": row.cost.steps,
        "seconds": chart.seconds(row),
        "share": chart.board.share_of_training(row),
    }
