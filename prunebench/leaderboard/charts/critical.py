"""Critical-difference diagrams (Demšar, JMLR 2006), a line for each scorer, so that long names have room."""

from typing import Any

from prunebench.evaluation.friedman import Comparison
from prunebench.leaderboard.charts.look import Look, Spec
from prunebench.leaderboard.charts.names import expression, shortened


def critical(look: Look, comparison: Comparison, title: list[str]) -> Spec:
    """Average ranks, the best first; bars on the right join scorers that are not told apart."""
    methods, ranks, count = comparison.methods, comparison.average_ranks, len(comparison.methods)
    named = zip(shortened(methods).items(), ranks, strict=True)
    labels = {name: f"{label}  {rank:.1f}" for (name, label), rank in named}
    gap = 0.035 * count
    points: list[Any] = [{"name": name, "rank": rank} for name, rank in zip(methods, ranks, strict=True)]
    bars: list[Any] = [
        {
            "rank": count + 1 + gap * place,
            "name": first,
            "last": last,
        }
        for place, (first, *_, last) in enumerate(comparison.cliques)
    ]
    domain = [1 - gap, count + 1 + gap * len(bars)]
    axis = {"values": list(range(1, count + 1)), "format": "d"}
    lines = {
        "title": None,
        "labelExpr": expression(labels),
        "labelOverlap": False,
        "grid": True,
        "ticks": False,
        "domain": False,
        "labelLimit": 260,
    }
    encoding = {
        "x": {"field": "rank", "type": "quantitative", "title": "average rank (1 is best)", "axis": axis,
              "scale": {"domain": domain, "nice": False, "zero": False}},
        "y": {"field": "name", "type": "nominal", "scale": {"domain": list(methods)}, "axis": lines},
    }  # fmt: skip
    bar = {"type": "rule", "strokeWidth": look.size / 2, "color": look.colours[0], "strokeCap": "round"}
    return {
        "title": {"text": title, "anchor": "start", "frame": "bounds"},
        "width": look.width,
        "height": (look.size + 4) * count,
        "data": {"values": points},
        "encoding": encoding,
        "layer": [
            {"mark": {"type": "circle", "size": look.symbol, "color": look.ink, "opacity": 1}},
            {"data": {"values": bars}, "mark": bar, "encoding": {"y2": {"field": "last"}}},
        ],
    }
