"""What the experiments' figures are made of: panels, clouds of neurons, series with a spread over seeds."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from prunebench.drawing import COLOURS, DASHES, HATCHES, MARKERS, SEQUENTIAL, check_matplotlib

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH = 6.8  # inches: a page's text width
THIN: dict[str, Any] = {"elinewidth": 0.8}  # bars of one standard deviation
DOTS: dict[str, Any] = {"s": 8, "rasterized": True}  # neurons, drawn as pixels in the SVG too


class Panels:
    """A figure with panels, as wide as a page's text; iterates over their axes, row by row.

    Args:
        height: of a row, in inches.
        options: of matplotlib's `Figure.subplots`.
    """

    def __init__(self, columns: int, rows: int = 1, *, height: float = 2.5, **options: Any) -> None:
        check_matplotlib()
        from matplotlib.figure import Figure

        self.figure = Figure(figsize=(WIDTH, height * rows), layout="constrained")
        self.grid: Any = self.figure.subplots(rows, columns, squeeze=False, **options)
        self.axes: list[Axes] = list(self.grid.flat)

    def __iter__(self) -> Iterator["Axes"]:
        return iter(self.axes)

    def label(self, x: str, y: str) -> None:
        """The labels that all panels share, on the bottom row and the left column."""
        for axes in self.grid[-1]:
            axes.set_xlabel(x)
        for axes in self.grid[:, 0]:
            axes.set_ylabel(y)

    def key(self, axes: "Axes | None" = None) -> None:
        """What the colours of a `cloud` mean, beside one panel or all."""
        from matplotlib.cm import ScalarMappable
        from matplotlib.colors import Normalize

        colours, label = ScalarMappable(Normalize(0, 1), SEQUENTIAL), "final norm [share of the largest]"
        if axes is not None:
            self.figure.colorbar(colours, ax=axes, label=label)
        else:
            self.figure.colorbar(colours, ax=self.axes, label=label, fraction=0.02, pad=0.01)


def marked(index: int) -> dict[str, Any]:
    """The look of one of several series of few points."""
    return {"color": COLOURS[index % len(COLOURS)], "marker": MARKERS[index % len(MARKERS)]}


def dashed(index: int) -> dict[str, Any]:
    """The look of one of several series of many points."""
    return {"color": COLOURS[index % len(COLOURS)], "linestyle": DASHES[index % len(DASHES)]}


def hatched(index: int) -> dict[str, Any]:
    """The look of one of several series of bars."""
    colour, hatch = COLOURS[index % len(COLOURS)], HATCHES[index % len(HATCHES)]
    return {"color": colour, "hatch": hatch, "edgecolor": "white"}


def over_seeds(rows: pd.DataFrame, x: str, y: str) -> pd.DataFrame:
    """Mean and standard deviation (0 of a single value) of column `y` at each `x`."""
    return rows.groupby(x)[y].agg(["mean", "std"]).fillna({"std": 0.0})


def band(axes: "Axes", rows: pd.DataFrame, x: str, y: str, **look: Any) -> None:
    """Means over seeds as a line, in a band of one standard deviation."""
    stats = over_seeds(rows, x, y)
    axes.plot(stats.index, stats["mean"], **look)
    low, high = stats["mean"] - stats["std"], stats["mean"] + stats["std"]
    axes.fill_between(stats.index, low, high, color=look["color"], alpha=0.2, linewidth=0)


def error_bars(axes: "Axes", rows: pd.DataFrame, x: str, y: str, **look: Any) -> None:
    """Means over seeds as points, with bars of one standard deviation."""
    stats = over_seeds(rows, x, y)
    axes.errorbar(stats.index, stats["mean"], stats["std"], capsize=2, **THIN, **look)


def cloud(axes: "Axes", x: pd.Series, y: pd.Series, final_share: pd.Series) -> None:
    """Neurons as dots, coloured by their final norm, the largest on top."""
    order = np.argsort(final_share.to_numpy(), kind="stable")
    x, y, colours = (column.iloc[order] for column in (x, y, final_share))
    edges: dict[str, Any] = {"edgecolors": "0.4", "linewidths": 0.2}
    axes.scatter(x, y, c=colours, cmap=SEQUENTIAL, vmin=0, vmax=1, **edges, **DOTS)


def equality(axes: "Axes", values: pd.Series) -> None:
    """The line where both axes agree, over the range of these values."""
    ends = [values.min(), values.max()]
    axes.plot(ends, ends, color=COLOURS[1], linewidth=0.8)


def drop_line(axes: "Axes", step: float | int) -> None:
    """Where the loss drops."""
    axes.axvline(step, color="0.4", linewidth=0.8, linestyle="--")


def width_line(axes: "Axes", width: int) -> None:
    """As many as the network has neurons."""
    axes.axhline(width, color="0.6", linewidth=0.8, linestyle=":")


def log_norms(axes: "Axes") -> None:
    """A logarithmic axis of norms whose labels stay apart, over however few decades."""
    from matplotlib.ticker import LogFormatterSciNotation, LogLocator, NullFormatter

    axes.set_yscale("log")
    low, high = axes.get_ylim()
    if high < 100 * low:
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(LogFormatterSciNotation(labelOnlyBase=False, minor_thresholds=(9, 9)))
    axes.yaxis.set_minor_formatter(NullFormatter())


def log_counts(axes: "Axes", counts: Iterable[int], label: str) -> None:
    """A logarithmic x-axis whose only ticks are the given numbers."""
    from matplotlib.ticker import NullLocator

    axes.set_xscale("log")
    ticks = sorted(set(counts))
    axes.set_xticks(ticks, [f"{count:,}" for count in ticks])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel(label)
