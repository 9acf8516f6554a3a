"""Who wins at each step, and how sure that is."""

from prunebench.leaderboard.charts.look import Look, Spec, panels
from prunebench.leaderboard.charts.names import expression, shortened


def standing(look: Look, columns: int = 3) -> Spec:
    """Means with their intervals, a panel for each step; the gray band is what random scores reach."""
    title = "Spearman correlation with the final norms"
    x = {
        "field": "middle",
        "type": "quantitative",
        "title": None,
        "axis": {"grid": True, "tickCount": 3},
        "scale": {"zero": True},
    }
    low = {**x, "field": "low"}
    axis = {
        "title": None,
        "labelExpr": expression(shortened(look.kinds)),
        "grid": False,
        "labelOverlap": False,
    }
    y = {"field": "scorer", "type": "nominal", "scale": {"domain": list(look.kinds)}, "axis": axis}
    band = {
        "transform": [{"filter": "datum.scorer == 'random'"}],
        "mark": {"type": "rect", "color": look.gray, "opacity": 0.3},
        "encoding": {"x": low, "x2": {"field": "high"}},
    }
    reach = {
        "mark": {"type": "rule", "strokeWidth": look.stroke},
        "encoding": {"x": low, "x2": {"field": "high"}, "y": y, "color": look.paint},
    }
    mean = {
        "mark": {
            "type": "point",
            "fill": look.paper,
            "size": look.symbol,
            "strokeWidth": look.stroke,
            "opacity": 1,
        },
        "encoding": {
            "x": x,
            "y": y,
            "color": look.paint,
            "shape": look.shape,
        },
    }
    height = (look.size + 4) * len(look.kinds)
    return panels({"layer": [band, reach, mean]}, "panel", columns, look.width, height, title)
