"""One network, unit by unit: score against final norm, a panel for each scorer."""

from prunebench.leaderboard.charts.look import Look, Spec, panels
from prunebench.leaderboard.charts.names import expression, shortened

WRITTEN = "datum.value ? format(datum.value, datum.value < 0.001 ? '~e' : '~g') : '0'"


def scatter(look: Look, columns: int = 4, x: str = "rank of the score", norm: str = "final norm") -> Spec:
    """Filled: kept when 10 % are kept; dotted: the largest 10 % of the norms."""
    across = {
        "field": "x",
        "type": "quantitative",
        "title": None,
        "axis": {"tickCount": 3},
        "scale": {"nice": False},
    }
    y = {
        "field": "norm", "type": "quantitative", "title": norm,
        # Norms of dead units are 0: near it the axis is even.
        "scale": {"type": "symlog", "constant": {"expr": "data('points')[0].constant"}, "nice": False},
        "axis": {"values": {"expr": "data('points')[0].ticks"}, "labelExpr": WRITTEN},
    }  # fmt: skip
    paint = look.paint
    kept = {"condition": {"test": "datum.kept", **paint}, "value": "transparent"}
    cut = {"transform": [{"filter": "datum.kind == 'cut'"}], "mark": look.dots, "encoding": {"y": y}}
    units = {
        "transform": [{"filter": "datum.kind != 'cut'"}],
        "mark": {"type": "point", "size": 0.1 * look.size**2, "strokeWidth": 0.07 * look.size},
        "encoding": {"x": across, "y": y, "stroke": paint, "fill": kept},
    }
    spec = panels({"layer": [cut, units]}, "scorer", columns, look.width, 0.8 * look.width, x)
    names = shortened(look.kinds, max(8, int(look.width / (0.52 * look.size))))
    spec["facet"]["header"]["labelExpr"] = expression(names)
    return spec
