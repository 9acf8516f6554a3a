"""Charts as files for papers: PNG, SVG and PDF, of the width that a paper's column has."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, cast

from prunebench.errors import RequestError
from prunebench.leaderboard.across import across, steps_of
from prunebench.leaderboard.board import Board
from prunebench.leaderboard.chart_data import ChartBoard, chart_boards
from prunebench.leaderboard.charts import KINDS, cost, points, time
from prunebench.leaderboard.charts.critical import critical
from prunebench.leaderboard.charts.kept import kept
from prunebench.leaderboard.charts.layers import layers
from prunebench.leaderboard.charts.look import Look, Spec
from prunebench.leaderboard.charts.names import shortened
from prunebench.leaderboard.charts.scatter import scatter
from prunebench.leaderboard.charts.standing import standing
from prunebench.leaderboard.overview import compared
from prunebench.store.files import write_atomically

WIDTH = 173.0  # mm: a page's text width
MM = 72 / 25.4  # points, in which figures are laid out
SIZE = 7.0
NARROWEST = 80.0  # of a panel
VEGA_LITE = "6.4"
SIZED = re.compile(r'width="([\d.]+)" height="([\d.]+)"')
UNSEEN = re.compile(r'<text [^>]* opacity="0"[^>]*>[^<]*</text>')  # labels that there is no room for
# Charts of rank correlations: kind, name, what they are drawn against.
AGAINST: tuple[tuple[str, str, str, Callable[[Look], Spec]], ...] = (
    ("cost", "cost", "steps", cost.by_steps),
    ("cost", "cost_gradients", "share", cost.by_gradients),
    ("cost", "cost_seconds", "seconds", cost.by_seconds),
    ("time", "time", "step", time.by_step),
    ("time", "time_plateau", "relative", time.by_plateau),
)

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
    for chart in chart_boards(boards):
        for figure in _figures(chart, kinds, steps, width * MM):
            yield from _save(figure, folder / chart.board.name, formats, width * MM)
    if "critical" in kinds:
        for figure in _critical(boards, steps, width * MM):
            yield from _save(figure, folder, formats, width * MM)


def render(figure: Figure, width: float) -> str:
    """A figure as SVG of this width in points: its panels are made as wide as fills it."""
    _, spec, table = figure
    guess = 0.8 * width
    for _ in range(4):  # axes and names take about the same room whatever the width of a panel
        svg = _svg(spec(guess), table)
        wide, high = map(float, cast(re.Match[str], SIZED.search(svg)).groups())
        if abs(width - wide) < 0.5:
            break
        guess = max(40.0, guess + width - wide)
    # The little that is left is scaled.
    return SIZED.sub(f'width="{width:.2f}" height="{high * width / wide:.2f}"', svg, count=1)


def _svg(spec: Spec, table: list[points.Point]) -> str:
    data = {"datasets": {"points": table}} if spec["data"] == {"name": "points"} else {}
    svg: str = _vl_convert().vegalite_to_svg(spec | data, vl_version=VEGA_LITE)
    return UNSEEN.sub("", svg)


def _save(figure: Figure, folder: Path, formats: Sequence[str], width: float) -> Iterator[Path]:
    svg = render(figure, width)
    folder.mkdir(parents=True, exist_ok=True)
    convert = _vl_convert()
    made: dict[str, Callable[[], str | bytes]] = {
        # In points, as the others: a bare number would be pixels, 96 an inch.
        "svg": lambda: SIZED.sub(r'width="\1pt" height="\2pt"', svg, count=1),
        "png": lambda: convert.svg_to_png(svg, ppi=300),
        "pdf": lambda: convert.svg_to_pdf(svg),
    }
    for form in formats:
        path = folder / f"{figure[0]}.{form}"
        write_atomically(path, made[form]())
        yield path


def _figures(
    chart: ChartBoard, kinds: Sequence[str], steps: Sequence[int] | None, width: float
) -> Iterator[Figure]:
    shown = [step for step in chart.steps if steps is None or step in steps]
    table = points.correlations(chart) if any(row.spearman for row in chart.predictors) else []
    lines = points.standing(chart, shown) if table and "standing" in kinds else []
    if lines:
        names = max(map(len, shortened(point["scorer"] for point in lines).values()))
        across = _columns(len(shown), (width - 0.56 * SIZE * names) / 60)
        yield _figure("standing", chart, lines, width, partial(standing, columns=across), across)
    for kind, name, field, spec in AGAINST:
        there = [point for point in table if point.get(field) is not None]
        if kind in kinds and len({point[field] for point in there if point["kind"] != "mark"}) > 1:
            yield _figure(name, chart, there, width, spec)
    for step in shown:
        yield from _step_figures(chart, kinds, step, width)


def _step_figures(chart: ChartBoard, kinds: Sequence[str], step: int, width: float) -> Iterator[Figure]:
    wide = width > 5 * NARROWEST
    lines = points.kept(chart, step, by_split=wide) if "kept" in kinds else []
    if lines:
        across = -(-len({point["panel"] for point in lines}) // 2) if wide else 2
        title = f"% of the {chart.board.units_word} kept"
        shares = sorted({point["x"] for point in lines if "x" in point})
        spec = partial(kept, columns=across, x=title, shares=shares)
        yield _figure(f"kept_step{step}", chart, lines, width, spec, across)
    lines = points.layers(chart, step) if "layers" in kinds else []
    if lines:
        yield _figure(f"layers_step{step}", chart, lines, width, layers)
    lines = points.units(chart, step) if "scatter" in kinds else []
    if lines:
        several = len(chart.drawn_layers) > 1
        x = f"rank of the score{' within its layer' if several else ''}, step {step:,}"
        norm = "norm / largest" if several else "final norm"
        across = _columns(len({point["scorer"] for point in lines}), width / NARROWEST)
        spec = partial(scatter, columns=across, x=x, norm=norm)
        yield _figure(f"scatter_step{step}", chart, lines, width, spec, across)


def _columns(count: int, fitting: float) -> int:
    """Columns for so many panels, so that their lines are about as long as each other."""
    lines = -(-count // max(1, int(fitting)))
    return -(-count // lines)


def _figure(
    name: str,
    chart: ChartBoard,
    table: list[points.Point],
    width: float,
    spec: Callable[[Look], Spec],
    across: int = 1,
) -> Figure:
    look = Look(points.kinds(chart, table), size=SIZE, whole=width)

    def sized(panel: float) -> Spec:
        panels = replace(look, width=panel / across)
        return panels.chart(spec(panels))

    return name, sized, table


def _critical(boards: Sequence[Board], steps: Sequence[int] | None, width: float) -> Iterator[Figure]:
    for column in compared(boards):
        for step in steps_of(boards) if steps is None else steps:
            found = across(boards, column, step)
            if found is None or (comparison := found.comparison) is None:
                continue
            title = [
                f"{column.title} at step {step:,}, {len(found.boards)} boards",
                "bars join what is not told apart",
            ]
            look = Look({}, size=SIZE)

            def spec(panel: float, c: Any = comparison, t: Any = title, look: Look = look) -> Spec:
                return look.chart(critical(replace(look, width=panel), c, t))

            yield f"critical_difference_{column.name.replace('.', '-')}_step{step}", spec, []


def _vl_convert() -> Any:
    try:
        import vl_convert
    except ImportError as error:
        raise RequestError(
            "figures", "vl-convert is not installed", "pip install prunebench[figures]"
        ) from error
    return vl_convert
