"""A board's metric as a chart to look at: in a notebook, or saved."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

from prunebench.errors import RequestError, check_type
from prunebench.leaderboard.chart_data import ChartBoard
from prunebench.leaderboard.charts import FORMATS, pictures, points, read_width
from prunebench.leaderboard.charts.specs import CHARTS, Look, Spec, specification
from prunebench.leaderboard.columns import SPEARMAN
from prunebench.leaderboard.metric_names import columns_called
from prunebench.results import Results
from prunebench.store.files import writable_file, write_atomically

MIME = "application/vnd.vegalite.v6+json"
LOOK = Look(size=11.0)
PANEL, COLUMNS = 190, 3  # pixels, and panels beside each other


class Chart:
    """A Vega-Lite specification with its data, which notebooks draw.

    Where vl-convert is installed (`pip install "prunebench[figures]"`), notebooks get an SVG as well, for
    those that do not know this version of Vega-Lite.

    Attributes:
        spec: plain JSON, for anything that reads Vega-Lite: `altair.Chart.from_dict(chart.spec)`.
    """

    def __init__(self, spec: Spec, printed: Spec) -> None:
        self.spec, self._printed = spec, printed

    def __repr__(self) -> str:
        return f"<Chart: {self.spec['title']['text']}, {len(self.spec['datasets']['points'])} points>"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        found: dict[str, Any] = {MIME: self.spec, "text/plain": repr(self)}
        try:
            return found | {"image/svg+xml": pictures.drawn(self.spec)}
        except RequestError:
            return found

    def save(self, path: str | Path, width: str | None = None) -> Path:
        """Write it as `.json`, `.svg`, `.png` or `.pdf`.

        With a `width` (`85mm`, `3.3in`, `240pt`) for a paper: of that width, with letters of 7 points. Raises
        `RequestError` for another ending or width.
        """
        path = Path(path)
        form = path.suffix.removeprefix(".")
        if form not in ("json", *FORMATS):
            raise RequestError("path", str(path), f"a file that ends in .json, .{', .'.join(FORMATS)}")
        if width is not None:
            check_type("width", width, str, "a width such as 85mm is needed")
            read_width(width)
        if form == "json":
            found = json.dumps(self.spec, indent=1)
        elif width is None:
            found = pictures.picture(pictures.drawn(self.spec), form)
        else:
            svg = pictures.render(deepcopy(self._printed), read_width(width) * pictures.MM)
            found = pictures.content(svg, form)
        write_atomically(writable_file("path", path), found)
        return path


def plot(board: Results, metric: str = SPEARMAN.name, step: int | None = None) -> Chart:
    """How each scorer does by a metric, with its interval: a panel for each step, or for one `step` alone.

    Raises `RequestError` for a metric or a step that the board has not.
    """
    chart = ChartBoard(board)
    (column,) = columns_called([board], [metric])
    if step is not None and step not in chart.steps:
        raise RequestError("step", step, f"steps here: {', '.join(map(str, chart.steps))}")
    found = points.points(chart, {column: {"of": "correlation"}})
    table = [point for point in found if points.is_drawn(point, CHARTS["standing"], ())]
    there = [point for point in table if step in (None, point["step"])]
    if not there:
        steps = sorted({point["step"] for point in table})
        raise RequestError("step", step, f"{column.title} is there at steps {', '.join(map(str, steps))}")
    heading = f"{column.title} (in %)" if column.percent else column.title
    given: dict[str, Any] = {} if column == SPEARMAN else {"heading": heading}
    spec, printed = (
        specification("standing", points.kinds(there), look, zero=not column.percent, **given)
        | {"datasets": {"points": there}}
        for look in (LOOK, pictures.LOOK)
    )
    spec["columns"] = min(COLUMNS, len({point["step"] for point in there}))
    spec["spec"]["width"] = PANEL
    return Chart(spec, printed)
