"""The package that draws Vega-Lite without a browser."""

from typing import Any

from prunebench.errors import optional

VEGA_LITE = "6.4"  # what the templates are written for


def vl_convert() -> Any:
    """The package that draws. Raises `RequestError` where it is not installed."""
    return optional("vl_convert", "figures", "vl-convert is not installed", "pip install prunebench[figures]")


def drawn(spec: dict[str, Any], form: str) -> Any:
    """A chart as SVG text, or the bytes of a PNG or PDF."""
    return getattr(vl_convert(), f"vegalite_to_{form}")(spec, vl_version=VEGA_LITE)
