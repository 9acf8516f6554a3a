"""Charts as files for papers: PNG, SVG and PDF, of the width that a paper's column has."""

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, cast

from prunebench.leaderboard.across import across, steps_of
from prunebench.leaderboard.board import Board
from prunebench.leaderboard.chart_data import ChartBoard
from prunebench.leaderboard.charts import KINDS, points
from prunebench.leaderboard.charts.specs import CHARTS, Look, Spec, specification
from prunebench.leaderboard.charts.vega import VEGA_LITE, vl_convert
from prunebench.leaderboard.critical_difference import moment_words
from prunebench.leaderboard.critical_difference import points as rank_points
from prunebench.leaderboard.overview import compared, in_order
from prunebench.store.files import write_atomically

WIDTH = 173.0  # mm: a page's text width
MM = 72 / 25.4  # points, in which figures are laid out
LOOK = Look()
# Of a chart with a panel for each value of a field: this, a panel's least width, its height over its width.
PANELS = {"standing": ("panel", 60, 1.0), "kept": ("panel", 110, 0.7), "scatter": ("scorer", 80, 0.8)}
AT_STEPS = {"kept": points.kept, "layers": points.layers, "scatter": points.units}
SIZED = re.compile(r'width="([\d.]+)" height="([\d.]+)"')
UNSEEN = re.compile(r'<text [^>]* opacity="0"[^>]*>[^<]*</text>')  # labels that there is no room for

# Its name, its specification by the width of a panel, and the table that it draws.
Figure = tuple[str, Callable[[float], Spec], list[points.Point]]


def draw(
    boards: Sequence[Board],
    folder: Path,
    kinds: Sequence[str] = KINDS,
    steps: Sequence[int] | None = None,
    formats: Sequence[str] = ("png", "svg"),
    width: float = WIDTH,
) -> Iterator[Path]:
    """Draw every board's charts into a folder of its name, `width` mm wide; gives the files as they come.

    Equal boards give equal PNG and SVG; of PDF only what is seen is equal. Raises `RequestError` where the
    package that draws is not installed.
    """
    for board in in_order(boards):
        for figure in _figures(ChartBoard(board), kinds, steps, width * MM):
            yield from _save(figure, folder / board.name, formats, width * MM)
    if "critical" in kinds:
        for figure in _critical(boards, steps):
            yield from _save(figure, folder, formats, width * MM)


def _figures(
    chart: ChartBoard, kinds: Sequence[str], steps: Sequence[int] | None, width: float
) -> Iterator[Figure]:
    shown = [step for step in chart.steps if steps is None or step in steps]
    table = points.correlations(chart) if any(row.spearman for row in chart.predictors) else []
    within = len(chart.drawn_layers) > 1
    for name, (template, x, _, below) in CHARTS.items():
        if name.split("_")[0] not in kinds:
            continue
        if template == "standing":
            lines = [point for point in table if "panel" in point and point["step"] in shown]
            yield from _figure(name, name, chart, lines, width - 100)
        elif template == "correlation":
            there = [point for point in table if point.get(x) is not None]
            if len({point[x] for point in there if point["kind"] != "mark"}) > 1:
                yield from _figure(name, name, chart, points.drawn(there), width, legend=width)
        for step in shown if template in AT_STEPS else ():
            lines = points.drawn(AT_STEPS[template](chart, step))
            words = {"units": chart.board.units_word, "step": step, "within": " within its layer" * within}
            given = {
                "legend": 0.0 if template == "scatter" else width,
                "below": below.format(**words),
                "norm": "norm / largest" if within else "final norm",
                "panels": [*points.panels(by_split=width > 400).values()],
                "ticks": sorted({point["units"] for point in lines if "units" in point}, reverse=True),
            }
            ends = {point[x] for point in lines if x in point}
            if not x or len(ends) > (x != "units"):  # an axis whose ticks are its numbers' needs two
                yield from _figure(name, f"{name}_step{step}", chart, lines, width, **given)


def _figure(
    kind: str, name: str, chart: ChartBoard, table: list[points.Point], width: float, **given: Any
) -> Iterator[Figure]:
    """A figure where there is something to draw."""
    panels, least, ratio = PANELS.get(CHARTS[kind][0], ("", 1, 0.66))
    count = len({point[panels] for point in table}) if panels else 1
    lines = -(-count // max(1, int(width / least)))
    columns = -(-count // max(1, lines))  # so that the lines are about as long as each other

    def sized(panel: float) -> Spec:
        wide = panel / columns
        size = {"width": wide, "height": min(ratio * wide, 24 * LOOK.size), "columns": columns}
        letters = max(8, int(wide / (0.52 * LOOK.size)))
        return specification(kind, points.kinds(chart, table), LOOK, letters=letters, **size, **given)

    if table:
        yield name, sized, table


def _critical(boards: Sequence[Board], steps: Sequence[int] | None) -> Iterator[Figure]:
    for column in compared(boards):
        for step in steps_of(boards) if steps is None else steps:
            found = across(boards, column, step)
            if found is not None and found.comparison is not None:
                name = f"critical_difference_{column.name.replace('.', '-')}_step{step}"
                words = f"{column.title} {moment_words(step)}, {len(found.boards)} boards"
                title = [words, "bars join what is not told apart"]
                methods = dict.fromkeys(found.order, "predictor")

                def spec(width: float, methods: Any = methods, title: Any = title) -> Spec:
                    return specification("critical", methods, LOOK, width=width, title=title)

                yield name, spec, rank_points(found)


def render(figure: Figure, width: float) -> str:
    """A figure as SVG of this width in points: its panels are made as wide as fills it."""
    _, spec, table = figure
    guess = 0.8 * width
    for _ in range(4):  # axes and names take about the same room whatever the width of a panel
        svg = vl_convert().vegalite_to_svg(
            spec(guess) | {"datasets": {"points": table}}, vl_version=VEGA_LITE
        )
        wide, high = map(float, cast(re.Match[str], SIZED.search(svg)).groups())
        if abs(width - wide) < width / 100:  # panels are whole pixels wide
            break
        guess = max(40.0, guess + width - wide)
    # The little that is left is scaled.
    return SIZED.sub(f'width="{width:.2f}" height="{high * width / wide:.2f}"', UNSEEN.sub("", svg), count=1)


def _save(figure: Figure, folder: Path, formats: Sequence[str], width: float) -> Iterator[Path]:
    svg = render(figure, width)
    folder.mkdir(parents=True, exist_ok=True)
    made: dict[str, Callable[[], str | bytes]] = {
        # In points, as the others: a bare number would be pixels, 96 an inch.
        "svg": lambda: SIZED.sub(r'width="\1pt" height="\2pt"', svg, count=1),
        "png": lambda: vl_convert().svg_to_png(svg, ppi=300),
        "pdf": lambda: vl_convert().svg_to_pdf(svg),
    }
    for form in formats:
        path = folder / f"{figure[0]}.{form}"
        write_atomically(path, made[form]())
        yield path
