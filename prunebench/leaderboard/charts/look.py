"""How all charts look, and the marks that they share."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from prunebench.leaderboard.charts.names import expression, shortened
from prunebench.leaderboard.styles import LIGHT, SYMBOLS, style_of

Spec = dict[str, Any]
CEILING = "noise ceiling"
MARKED = ("predictor", "control")  # the kinds that have symbols on their lines
SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
DASHES = {"predictor": [1, 0], "control": [1, 0], "oracle": [5, 3], "ceiling": [2, 2], "shuffled": [3, 2]}


@dataclass(frozen=True)
class Look:
    """Colours, sizes in pixels of the page or points of a figure, and the scorers that have a style.

    Attributes:
        kinds: of each scorer: predictor, control, oracle, ceiling.
        colours: for each place of a `Style`.
        width: of a panel.
        whole: width of the whole chart, in which its legend is laid out.
    """

    kinds: dict[str, str]
    colours: tuple[str, ...] = LIGHT
    ink: str = "#1b1f24"
    soft: str = "#5a636e"
    gray: str = "#7c858f"
    line: str = "#e3e7eb"
    paper: str = "#ffffff"
    background: str | None = "#ffffff"
    width: float = 320.0
    whole: float = 400.0
    size: float = 10.0

    def colour(self, scorer: str) -> str:
        """The colour of a scorer; controls have none of their own."""
        kind = self.kinds[scorer]
        own = {"oracle": self.ink, "ceiling": self.soft, "control": self.gray}
        return own.get(kind) or self.colours[style_of(scorer).colour]

    @property
    def symbol(self) -> float:
        """Area of a symbol."""
        return 0.34 * self.size**2

    @property
    def stroke(self) -> float:
        """Width of a line."""
        return 0.13 * self.size

    @property
    def paint(self) -> Spec:
        """The colour channel."""
        return self._channel([self.colour(name) for name in self.kinds])

    @property
    def shape(self) -> Spec:
        """The channel of symbols."""
        shapes = list(SYMBOLS.values())
        return self._channel([shapes[style_of(name).symbol] for name in self.kinds])

    @property
    def dots(self) -> Spec:
        """The mark of a line to compare with."""
        return {"type": "rule", "strokeDash": [1, 3], "color": self.soft}

    def legends(self) -> Spec:
        """The channels of a mark that the legend shows, as lines where they have no symbols."""
        names = shortened(self.kinds)
        longest = max(map(len, names.values()), default=1)
        columns = max(1, int(self.whole / (0.5 * self.size * longest + 22)))
        legend = {"title": None, "columns": columns, "labelExpr": expression(names)}
        shapes = zip(self.kinds.values(), self.shape["scale"]["range"], strict=True)
        lines = [shape if kind in MARKED else "stroke" for kind, shape in shapes]
        return {
            "color": self.paint | {"legend": legend},
            "shape": self._channel(lines) | {"legend": legend},
        }

    def _unnamed(self) -> Spec:
        """Colours without a legend beside a mark with one; Vega-Lite would join legends of equal domains."""
        paint = self.paint
        scale = {end: values[::-1] for end, values in paint["scale"].items()}
        return paint | {"scale": scale}

    def _channel(self, values: list[str]) -> Spec:
        scale = {"domain": list(self.kinds), "range": values}
        return {"field": "scorer", "type": "nominal", "scale": scale, "legend": None}

    def chart(self, spec: Spec) -> Spec:
        """A whole specification, styled."""
        ink, size = self.ink, self.size
        config = {
            "font": "Helvetica, Arial, Liberation Sans, sans-serif",
            "lineBreak": "\n",
            "view": {"stroke": None},
            "axis": {
                "labelColor": ink, "titleColor": ink, "domainColor": self.soft, "tickColor": self.soft,
                "gridColor": self.line, "labelFontSize": size, "titleFontSize": size,
                "titleFontWeight": "normal", "labelOverlap": "greedy", "labelSeparation": 4,
                "labelLimit": 200, "tickSize": 3,
            },
            "axisX": {"grid": False},
            "header": {"labelColor": ink, "labelFontSize": size},
            "legend": {
                "orient": "top", "labelColor": ink, "labelFontSize": size, "symbolSize": self.symbol,
                "symbolStrokeWidth": self.stroke, "symbolOpacity": 1, "symbolLimit": 0, "rowPadding": 1,
                "columnPadding": 8, "labelLimit": self.whole - 30, "offset": 4 + size,
            },
            "text": {"fontSize": size, "color": self.soft},
            "facet": {"spacing": 12},
            "title": {"fontSize": size, "fontWeight": "normal", "color": ink, "offset": 4},
        }  # fmt: skip
        whole = {"$schema": SCHEMA, "background": self.background, "padding": 2, "config": config}
        return whole | {"data": {"name": "points"}} | spec

    def lines(self, x: Spec, y: Spec) -> list[Spec]:
        """A line for each scorer with its symbols and its 95 % intervals, `low` to `high` about `middle`."""
        y = {"field": "middle", "type": "quantitative"} | y
        each = {"x": x, "detail": [{"field": "scorer"}, {"field": "kind"}]}
        reach = each | {"y": y | {"field": "low"}, "y2": {"field": "high"}}
        stroke, fill = {"stroke": self._unnamed()}, {"fill": self._unnamed()}
        dashes = {"domain": list(DASHES), "range": list(DASHES.values())}
        dash = {"field": "kind", "type": "nominal", "legend": None, "scale": dashes}
        point = {
            "type": "point",
            "fill": self.paper,
            "size": self.symbol,
            "strokeWidth": self.stroke,
            "opacity": 1,
        }
        symbols = [{"filter": " || ".join(f"datum.kind == '{kind}'" for kind in MARKED)}]
        named = each | self.legends() | {"y": y}
        return [
            {"transform": [{"filter": "datum.kind != 'shuffled'"}],
             "mark": {"type": "area", "fillOpacity": 0.13}, "encoding": reach | fill},
            {"transform": symbols, "encoding": reach | stroke,
             "mark": {"type": "rule", "strokeWidth": self.stroke / 2}},
            {"mark": {"type": "line", "strokeWidth": self.stroke},
             "encoding": each | stroke | {"y": y, "strokeDash": dash}},
            {"transform": symbols, "mark": point, "encoding": named},
        ]  # fmt: skip


PERCENT = "format(100 * datum.value, '~g')"


def panels(spec: Spec, field: str, columns: int, width: float, height: float, x: str) -> Spec:
    """The same chart for each value of a field, by the `place` of its points; `x` is the title below all."""
    header = {"title": None, "labelLimit": width, "labelPadding": 3}
    order = {"field": "place", "op": "min"}
    return {
        "title": {"text": x, "orient": "bottom", "anchor": "middle"},
        "facet": {"field": field, "type": "nominal", "sort": order, "header": header},
        "columns": columns,
        "spec": {"width": width, "height": height, **spec},
        "resolve": {"axis": {"x": "independent"}},  # else one stands below where there is no panel
    }  # fmt: skip


def percent(values: Sequence[int | float]) -> Spec:
    """An axis of shares."""
    return {"values": list(values), "labelExpr": PERCENT}


def whole(values: Sequence[int | float]) -> Spec:
    """An axis of numbers as they are."""
    return {"values": list(values), "format": ",~r"}
