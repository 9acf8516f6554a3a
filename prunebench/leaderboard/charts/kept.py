"""Accuracy against what is kept, a panel for each protocol and split."""

from collections.abc import Sequence

from prunebench.leaderboard.charts.look import PERCENT, Look, Spec, panels, percent

SHARES = (1, 0.8, 0.65, 0.5, 0.35, 0.2, 0.1, 0.05, 0.02, 0.01, 0.001)


def kept(
    look: Look, columns: int = 2, x: str = "% of the units kept", shares: Sequence[int | float] = SHARES
) -> Spec:
    """Medians with their intervals; the dotted line is the whole network."""
    scale = {"type": "log", "reverse": True, "nice": False}
    across = {"field": "x", "type": "quantitative", "scale": scale, "title": None, "axis": percent(shares)}
    axis = {"labelExpr": PERCENT, "tickCount": 4}
    y = {"title": "accuracy, %", "scale": {"zero": False, "padding": 4}, "axis": axis}
    dense = {
        "transform": [{"filter": "datum.kind == 'dense'"}],
        "mark": look.dots,
        "encoding": {"y": {"field": "middle", "type": "quantitative"}},
    }
    lines = {"transform": [{"filter": "datum.kind != 'dense'"}], "layer": look.lines(across, y)}
    return panels({"layer": [dense, lines]}, "panel", columns, look.width, 0.7 * look.width, x)
