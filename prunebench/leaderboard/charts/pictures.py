"""Charts as pictures: drawn without a browser, as wide as a paper's column where that is asked for."""

import re
from typing import Any, cast

from prunebench.errors import optional
from prunebench.leaderboard.charts.specs import Look, Spec

VEGA_LITE = "6.4"  # what the templates are written for
MM = 72 / 25.4  # points, in which figures are laid out
LOOK = Look()
SIZED = re.compile(r'width="([\d.]+)" height="([\d.]+)"')
UNSEEN = re.compile(r'<text [^>]* opacity="0"[^>]*>[^<]*</text>')  # labels that there is no room for


def vl_convert() -> Any:
    """The package that draws without a browser. Raises `RequestError` where it is not installed."""
    needed = 'it is not installed: pip install "prunebench[figures]"'
    return optional("vl_convert", "figures", "vl-convert", needed)


def drawn(spec: Spec) -> str:
    """A chart as SVG."""
    svg: str = vl_convert().vegalite_to_svg(spec, vl_version=VEGA_LITE)
    return svg


def picture(svg: str, form: str) -> Any:
    """The content of a file of an SVG: itself, a PNG or a PDF, in which its lengths are points."""
    if form == "png":
        return vl_convert().svg_to_png(svg, ppi=300)
    return vl_convert().svg_to_pdf(svg) if form == "pdf" else svg


def content(svg: str, form: str) -> Any:
    """Of a file of that form."""
    in_points = SIZED.sub(r'width="\1pt" height="\2pt"', svg, count=1)  # not in pixels, 96 an inch
    return picture(in_points if form == "svg" else svg, form)


def render(spec: Spec, width: float) -> str:
    """A chart as SVG of this width in points: its panels are made as wide as fills it."""
    layout, inner = spec["usermeta"], spec.get("spec", spec)
    panels = len({line.get(layout["panel"]) for line in spec["datasets"]["points"]})
    columns = max(1, min(panels, int(width / layout["letters"] / LOOK.size)))
    inner["width"] = 0.9 * width / columns
    if inner is not spec:
        spec["columns"] = columns
    for _ in range(4):  # axes and names take about the same room whatever the width of a panel
        if "ratio" in layout:
            inner["height"] = min(layout["ratio"] * inner["width"], 24 * LOOK.size)
        svg = drawn(spec)
        wide, high = map(float, cast(re.Match[str], SIZED.search(svg)).groups())
        if abs(width - wide) < width / 100:  # panels are whole pixels wide
            break
        inner["width"] = max(40.0, inner["width"] + (width - wide) / columns)
    # The little that is left is scaled.
    return SIZED.sub(f'width="{width:.2f}" height="{high * width / wide:.2f}"', UNSEEN.sub("", svg), count=1)
