"""The charts, each defined once, as a Vega-Lite template: for the page, PNG, SVG and PDF.

`specs` fills the templates in, which needs no package; `points` are the lines of the tables that they draw;
`pictures` draws them, and `figures` makes files of all of a board's.
"""

import re

from prunebench.errors import RequestError

KINDS = ("standing", "cost", "time", "kept", "layers", "scatter", "critical")
FORMATS = ("png", "svg", "pdf")
_MILLIMETRES = {"mm": 1.0, "cm": 10.0, "in": 25.4, "pt": 25.4 / 72}


def read_width(text: str) -> float:
    """A width in millimetres, from `85mm`, `3.3in`, `17 cm` or `240pt`."""
    read = re.fullmatch(r"(\d+(?:\.\d+)?) ?(mm|cm|in|pt)", text)
    width = float(read[1]) * _MILLIMETRES[read[2]] if read else 0.0
    if not 40 <= width <= 1000:
        raise RequestError("width", text, "a number with mm, cm, in or pt, from 40mm to 1000mm")
    return width
