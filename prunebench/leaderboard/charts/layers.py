"""Rank correlation within each layer, in the order in which the layers run."""

from prunebench.leaderboard.charts.look import Look, Spec


def layers(look: Look) -> Spec:
    """A line for each scorer over the layers."""
    axis = {"title": None, "labelAngle": -40, "labelOverlap": False, "labelLimit": 110}
    x = {"field": "layer", "type": "ordinal", "sort": None, "axis": axis, "scale": {"padding": 0.3}}
    y = {"title": "Spearman correlation", "scale": {"zero": True}, "axis": {"tickCount": 6}}
    return {"width": look.width, "height": min(0.6 * look.width, 24 * look.size), "layer": look.lines(x, y)}
