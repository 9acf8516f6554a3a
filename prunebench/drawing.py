"""The look of all figures: legible at paper width, and with colours that everybody can tell apart."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from prunebench.errors import RequestError
from prunebench.store.files import atomic_file

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTH = 6.8  # inches: a page's text width
# Okabe & Ito (2008), in an order that also differs in lightness; black and yellow are left for other uses.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
MARKERS = ("o", "s", "^", "D", "v", "P")
DASHES = ("-", "--", ":", "-.")
HATCHES = ("", "///", "...", "xx")
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
