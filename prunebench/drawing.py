"""The look of all figures: legible at paper width, and with colours that everybody can tell apart."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from prunebench.errors import RequestError
from prunebench.store.files import atomic_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 6.8  # inches: a page's text width
# Okabe & Ito (2008), in an order that also differs in lightness; black and yellow are left for other uses.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
MARKERS = ("o", "s", "^", "D", "v", "P")
SEQUENTIAL = "viridis_r"  # darker is more

STYLE: dict[str, Any] = {
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "legend.fontsize": 7,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "lines.linewidth": 1.4,
    "lines.markersize": 4,
    "legend.frameon": False,
    "svg.hashsalt": "prunebench",
    "svg.fonttype": "path",
}


def check_matplotlib() -> None:
    """`RequestError` where the optional package that draws is not installed."""
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise RequestError(
            "figures", "matplotlib is not installed", "pip install prunebench[figures]"
        ) from error


@contextmanager
def style() -> Iterator[None]:
    """Figures made and saved inside look alike, whatever the user's own settings."""
    check_matplotlib()
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(cast(Any, STYLE))
        yield


def panels(
    rows: int = 1, columns: int = 1, height: float = 2.3, width: float = WIDTH, **options: Any
) -> tuple["Figure", Any]:
    """A figure with a grid of axes (always two-dimensional); `height` in inches per row."""
    check_matplotlib()
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height * rows), layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False, **options)


def save(figure: "Figure", path: Path) -> None:
    """`path` with .png and with .svg; equal figures give equal files."""
    for form, metadata in {"png": {"Software": None}, "svg": {"Date": None}}.items():
        with atomic_file(path.with_suffix(f".{form}")) as file:
            figure.savefig(cast(BinaryIO, file), format=form, dpi=150, metadata=metadata)


def cloud(axes: "Axes", x: Any, y: Any, colour: Any) -> Any:
    """Neurons as dots, coloured from 0 to 1, the largest on top; drawn as pixels in the SVG too."""
    import numpy as np

    order = np.argsort(np.asarray(colour), kind="stable")
    return axes.scatter(
        np.asarray(x)[order],
        np.asarray(y)[order],
        c=np.asarray(colour)[order],
        cmap=SEQUENTIAL,
        vmin=0,
        vmax=1,
        s=8,
        edgecolors="0.4",
        linewidths=0.2,
        rasterized=True,
    )


def log_norms(axes: "Axes") -> None:
    """A logarithmic axis of norms whose labels stay apart, over however few decades."""
    from matplotlib.ticker import LogFormatterSciNotation, LogLocator, NullFormatter

    axes.set_yscale("log")
    low, high = axes.get_ylim()
    if high < 100 * low:
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(LogFormatterSciNotation(labelOnlyBase=False, minor_thresholds=(9, 9)))
    axes.yaxis.set_minor_formatter(NullFormatter())


def log_counts(axes: "Axes", counts: Any, label: str) -> None:
    """A logarithmic x-axis whose only ticks are the given numbers."""
    from matplotlib.ticker import NullLocator

    axes.set_xscale("log")
    axes.set_xticks(list(counts), [f"{count:,}" for count in counts])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel(label)


def band(axes: "Axes", x: Any, values: Any, index: int, label: str, **options: Any) -> None:
    """Mean over the rows of `values` (seeds, points) and a band of one standard deviation."""
    import numpy as np

    values = np.asarray(values, dtype=float)
    mean, spread = values.mean(axis=0), values.std(axis=0, ddof=1) if len(values) > 1 else 0.0
    colour = COLOURS[index % len(COLOURS)]
    axes.plot(x, mean, color=colour, label=label, **options)
    axes.fill_between(x, mean - spread, mean + spread, color=colour, alpha=0.2, linewidth=0)
