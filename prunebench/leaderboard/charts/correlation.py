"""Rank correlation against anything that a row has."""

from prunebench.leaderboard.charts.look import Look, Spec


def panel(look: Look, field: str, title: str, scale: Spec, axis: Spec) -> Spec:
    """One panel; every point has the field."""
    axis = {"title": title, **axis}
    x = {"field": field, "type": "quantitative", "scale": {"nice": False, **scale}, "axis": axis}
    y = {
        "title": "Spearman correlation",
        "scale": {"zero": True, "domainMax": 1.02},
        "axis": {"tickCount": 6},
    }
    mark = [{"filter": "datum.kind == 'mark'"}]
    return {
        "width": look.width,
        "height": min(0.66 * look.width, 24 * look.size),
        "layer": [
            {"transform": mark, "mark": look.dots, "encoding": {"x": x}},
            {"transform": mark, "encoding": {"x": x, "text": {"field": f"{field}_mark"}},
             "mark": {"type": "text", "align": "right", "baseline": "bottom", "y": -3}},
            {"transform": [{"filter": "datum.kind != 'mark'"}], "layer": look.lines(x, y)},
        ],
    }  # fmt: skip
