"""The look of all figures: legible at paper width, and with colours that everybody can tell apart."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from prunebench.errors import optional
from prunebench.store.files import atomic_file

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Okabe & Ito (2008), in an order that also differs in lightness; black and yellow are left for other uses.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
MARKERS = ("o", "s", "^", "D", "v", "P")
DASHES = ("-", "--", ":", "-.")
HATCHES = ("", "///", "...", "xx")
SEQUENTIAL = "viridis_r"  # darker is more


def check_matplotlib() -> None:
    """`RequestError` where the optional package that draws is not installed."""
    optional("matplotlib", "figures", "matplotlib", 'it is not installed: pip install "prunebench[figures]"')


def style() -> AbstractContextManager[None]:
    """Figures made and saved inside look alike, whatever the user's own settings."""
    check_matplotlib()
    import matplotlib.style

    return matplotlib.style.context(Path(__file__).with_suffix(".mplstyle"), after_reset=True)


def save(figure: "Figure", path: Path) -> None:
    """`path` with .png and with .svg; equal figures give equal files."""
    for form, metadata in {"png": {"Software": None}, "svg": {"Date": None}}.items():
        with atomic_file(path.with_suffix(f".{form}")) as file:
            figure.savefig(cast(BinaryIO, file), format=form, dpi=150, metadata=metadata)
