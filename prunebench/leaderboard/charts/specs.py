"""The specifications of the charts: the templates beside this file, with a look and scorers filled in."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from prunebench.leaderboard.charts.names import expression, shortened
from prunebench.leaderboard.styles import LIGHT, SYMBOLS, style_of

Spec = dict[str, Any]
CEILING = "noise ceiling"
MARKED = ("predictor", "control")  # the kinds that have symbols on their lines


@cache
def _read(name: str) -> Any:
    return json.loads(files(__package__).joinpath(f"{name}.json").read_text(encoding="utf-8"))


# Of each chart: its template; which lines of the table it draws (`points.is_drawn`), and of which steps; how
# many values there are at least across; the axes; the title below it; what its mark means.
CHARTS: dict[str, dict[str, Any]] = _read("charts")


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

    def colour(self, scorer: str, kind: str) -> str:
        """The colour of a scorer; controls have none of their own."""
        own = {"oracle": self.ink, "ceiling": self.soft, "twin": self.soft, "control": self.gray}
        return own.get(kind) or self.colours[style_of(scorer).colour]


def specification(
    chart: str, kinds: Mapping[str, str], look: Look, legend: float = 0.0, **given: Any
) -> Spec:
    """A chart in Vega-Lite; its data are named `points` and `ends`.

    Args:
        kinds: of each scorer: predictor, control, oracle, twin, ceiling.
        legend: the width that it is laid out in; 0: none.
        given: what else the template asks for.
    """
    about = CHARTS[chart]
    axes = _filled(_read("axes"), {"zero": True} | about | given)
    names, size = shortened(kinds), look.size
    paint = [look.colour(*each) for each in kinds.items()]
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
    }  # fmt: skip
    values |= given
    values["lines"] = _filled(_read("lines"), values)
    filled: Spec = _filled(_read("look") | _read(about["template"]), values)
    return filled


def _filled(part: Any, values: Mapping[str, Any]) -> Any:
    """A template with values for its `"$name"`s."""
    if isinstance(part, dict):
        return {key: _filled(each, values) for key, each in part.items()}
    if isinstance(part, list):
        return [_filled(each, values) for each in part]
    return values[part[1:]] if isinstance(part, str) and part.startswith("$") else part
