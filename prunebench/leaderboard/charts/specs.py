"""The specifications of the charts: the templates beside this file, with a look and scorers filled in."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.resources import files
from typing import Any

from prunebench.leaderboard.charts.names import expression, shortened
from prunebench.leaderboard.styles import LIGHT, SYMBOLS, style_of

Spec = dict[str, Any]
CEILING = "noise ceiling"
MARKED = ("predictor", "control")  # the kinds that have symbols on their lines


def _filled(name: str, values: Mapping[str, Any]) -> Any:
    """A template with values for its `"$name"`s."""
    text = files(__package__).joinpath(f"{name}.json").read_text(encoding="utf-8")
    return json.loads(re.sub(r'"\$(\w+)"(?!:)', lambda match: json.dumps(values[match[1]]), text))


# Of each chart: its template; which lines of the table it draws (`points.is_drawn`), and of which steps; how
# many values there are at least across; the axes; the title below it; what its mark means.
CHARTS: dict[str, dict[str, Any]] = _filled("charts", {})


@dataclass(frozen=True)
class Look:
    """Colours, and the size of letters in pixels of the page or points of a figure."""

    colours: tuple[str, ...] = LIGHT
    ink: str = "#1b1f24"
    soft: str = "#5a636e"
    gray: str = "#7c858f"
    line: str = "#e3e7eb"
    paper: str = "#ffffff"
    background: str = "#ffffff"
    font: str = "Helvetica, Arial, Liberation Sans, sans-serif"
    size: float = 7.0


def specification(chart: str, kinds: Mapping[str, str], look: Look, legend: float = 0, **given: Any) -> Spec:
    """A chart in Vega-Lite; its data are named `points` and `ends`.

    Args:
        kinds: of each scorer: predictor, control, oracle, twin, ceiling.
        legend: the width that it is laid out in; 0: none.
        given: what else the template asks for.
    """
    about, given = CHARTS[chart], {"title": "", "units": "", "within": "", "at": ""} | given
    axes = _filled("axes", {"zero": True} | about | given)
    names, size = shortened(kinds), look.size
    own = {"oracle": look.ink, "ceiling": look.soft, "twin": look.soft, "control": look.gray}
    paint = [own.get(kind) or look.colours[style_of(name).colour] for name, kind in kinds.items()]
    symbols = {name: SYMBOLS[style_of(name).symbol] for name in kinds}
    lines = [symbols[name] if kind in MARKED else "stroke" for name, kind in kinds.items()]
    key = {"legend": {"labelExpr": expression(names)} if legend else None}
    axis = {"title": None, "labelExpr": expression(names), "labelOverlap": False, "ticks": False}

    def by_scorer(values: Sequence[str], *more: str) -> Spec:
        scale = {"domain": [*kinds, *more], "range": [*values, *more]}
        return {"field": "scorer", "type": "nominal", "scale": scale, "legend": None}

    values = asdict(look) | about | {
        "symbol": 0.34 * size**2, "dot": 0.1 * size**2, "stroke": 0.13 * size, "thin": 0.07 * size,
        "bar": size / 2, "row": size + 4, "limit": 16 * size, "first": look.colours[0],
        "legend_columns": max(1, int(legend / (0.5 * size * max(map(len, names.values()), default=1) + 22))),
        "paint": by_scorer(paint), "paint_scale": by_scorer(paint)["scale"],
        "symbols": by_scorer([*symbols.values()]),
        "named": by_scorer(paint) | key, "shape": by_scorer(lines) | key,
        "unnamed": by_scorer(paint, ""),  # Vega-Lite would join legends of equal domains
        "scorers": {"field": "scorer", "type": "nominal", "sort": None, "axis": axis | {"domain": False}},
        "heads": expression(shortened(kinds, 17)),
        "chart": about, "against": about["x"], "x": axes.get(about["x"]), "tooltip": axes["tooltip"],
        "turned": f"{0.6 * size:.1f} * length(join(domain('x'), '')) > width ? -40 : 0",
        "middle": axes[about["y"]] | {"field": "middle"}, "low": axes[about["y"]] | {"field": "low"},
        "heading": "Spearman correlation with the final norms",
        "below": about.get("below", "").format_map(given) + given["at"],
        "norm": "norm / largest" if given["within"] else "final norm",
    } | given  # fmt: skip
    values["lines"] = _filled("lines", values)
    return _filled("look", values) | _filled(about["template"], values)
