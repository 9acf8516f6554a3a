"""The page's charts for papers, by matplotlib, as PNG and SVG; equal boards give equal SVG."""

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from scipy import stats

from prunebench.drawing import panels, save, style
from prunebench.evaluation.fractions import kept_count
from prunebench.evaluation.metrics import SPLITS
from prunebench.evaluation.protocols import SHUFFLED
from prunebench.evaluation.summary import Summary
from prunebench.leaderboard.board import Board
from prunebench.leaderboard.chart_data import ChartBoard, chart_boards
from prunebench.leaderboard.columns import GLOBAL, PRUNING, layer_columns
from prunebench.leaderboard.styles import LIGHT, SYMBOLS
from prunebench.results import Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_ACROSS = 3  # panels beside each other
LETTERS = 90  # of names below an axis, that stand beside each other
GRAY, INK = "#8a939d", "#1b1f24"


def draw(boards: Sequence[Board], folder: Path) -> Iterator[Path]:
    """Draw every board's charts into a folder of its name; gives the files, less their endings, as they come.

    Raises `RequestError` where matplotlib is not installed.
    """
    for chart in chart_boards(boards):
        with style(), warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Glyph .* missing from font")  # of a name in another script
            for name, figure in _figures(chart):
                path = folder / chart.board.name / name
                path.parent.mkdir(exist_ok=True)
                save(figure, path)
                yield path


def _figures(chart: ChartBoard) -> Iterator[tuple[str, "Figure"]]:
    if any(row.spearman for row in chart.predictors):
        yield "standing", _standing(chart)
        yield "cost", _cost(chart)
        yield "time", _time(chart)
    for step in chart.steps:
        if any(chart.kept_curves(protocol, "accuracy") for protocol in PRUNING):
            yield f"kept_step{step}", _kept(chart, step)
        if layer_columns(chart.board) and any(row.spearman for row in chart.at(step)):
            yield f"layers_step{step}", _layers(chart, step)
        scores = [(row, np.array(drawn)) for row in chart.at(step) if (drawn := chart.scores(row))]
        if scores:
            yield f"scatter_step{step}", _scatter(chart, step, scores)


def _standing(chart: ChartBoard) -> "Figure":
    """Who wins at each step, and how sure that is: the intervals of the rank correlation."""
    names = [*chart.order, *sorted({row.scorer for row in chart.rows if row.spearman} - set(chart.order))]
    trained = {row.scorer: row.cost.extra_gradient_steps for row in chart.rows}
    own = {name: f" ({steps:,} steps of its own)" for name, steps in trained.items() if steps}
    figure, grid = panels(1, len(chart.steps), height=1.1 + 0.17 * len(names), sharey=True, sharex=True)
    for axes, step in zip(grid[0], chart.steps, strict=True):
        _title(axes, chart, step)
        _random_band(axes.axvspan, [row for row in chart.at(step) if row.scorer == "random"])
        for row in chart.at(step):
            if row.spearman:
                place, colour = float(names.index(row.scorer)), _colour(row, chart)
                axes.plot(_ends(row.spearman), (place, place), color=colour)
                _point(axes, row.spearman.mean, place, row, chart)
        axes.grid(axis="x", color="0.9")
    figure.supxlabel("Spearman correlation with the final norms (gray: random)", fontsize=8)
    grid[0, 0].set_yticks(range(len(names)), [_plain(name) + own.get(name, "") for name in names])
    grid[0, 0].set_ylim(len(names) - 0.5, -0.5)
    return figure


def _cost(chart: ChartBoard) -> "Figure":
    """Rank correlation against what it took, in gradient steps and in seconds."""
    figure, grid = panels(1, 2, height=2.8)
    steps, seconds = grid[0]
    _correlations(steps, chart, lambda row: row.cost.steps)
    _log_steps(steps, [0, *(10**k for k in range(1, 7))], max(row.cost.steps for row in chart.rows))
    steps.axvline(chart.training_steps, color="0.5", linestyle=":", linewidth=0.9)
    steps.annotate(
        "one training",
        (chart.training_steps, 0.3),
        xycoords=("data", "axes fraction"),
        rotation=90,
        ha="right",
    )
    steps.set_xlabel("gradient steps per network")
    _correlations(seconds, chart, chart.seconds)
    seconds.set_xscale("log")
    seconds.set_xlabel("seconds per network")
    return figure


def _time(chart: ChartBoard) -> "Figure":
    """Rank correlation against the snapshot's step, and against the share of the plateau that has passed."""
    drop = chart.board.training.drop_step
    figure, grid = panels(1, 2 if drop else 1, height=2.8)
    _correlations(grid[0, 0], chart, lambda row: row.at_step)
    _log_steps(grid[0, 0], chart.steps, max(chart.steps))
    grid[0, 0].set_xlabel("step of the snapshot")
    if drop:
        axes = grid[0, 1]
        _correlations(axes, chart, lambda row: row.relative_time)
        axes.set_xscale("symlog", linthresh=0.03)
        axes.set_xlim(left=-0.002)
        axes.axvline(1, color="0.5", linestyle=":", linewidth=0.9)
        axes.set_xlabel("step / end of the plateau (t / t_drop)")
    return figure


def _kept(chart: ChartBoard, step: int) -> "Figure":
    """Median accuracy against the share of units kept, a panel for each protocol and split."""
    present = [protocol for protocol in PRUNING if chart.kept_curves(protocol, "accuracy")]
    wide = len(present) <= MOST_ACROSS
    rows, columns = (len(SPLITS), len(present)) if wide else (len(present), len(SPLITS))
    figure, grid = panels(rows, columns, height=2.4, sharex=True, sharey="row" if wide else "col")
    for line, (split, title) in zip(grid if wide else grid.T, SPLITS.items(), strict=True):
        for axes, protocol in zip(line, present, strict=True):
            _kept_panel(axes, chart, step, protocol, split)
            if split == next(iter(SPLITS)) or not wide:
                axes.set_title(PRUNING[protocol][0])
        for axes in line[:1] if wide else line:
            axes.set_ylabel(f"{title} accuracy (median), %")
    for axes in grid[-1]:
        axes.set_xlabel(f"% of the {chart.board.units_word} kept")
    return figure


def _kept_panel(axes: "Axes", chart: ChartBoard, step: int, protocol: str, split: str) -> None:
    columns = chart.kept_curves(protocol, split)
    ends = []
    for row in chart.at(step):
        if row.scorer not in chart.drawn_scorers and not row.control:
            continue
        curve = [(float(c.path[-1]), s) for c in columns if (s := c.summary(row))]
        if curve:
            _band(axes, curve, row, chart, scale=100.0)
            ends.append((curve[-1][0], 100 * curve[-1][1].middle[0], row))
        if protocol == GLOBAL and row.predicts:
            control = [
                (float(c.path[-1]), s) for c in chart.kept_curves(SHUFFLED, split) if (s := c.summary(row))
            ]
            middles = [100 * summary.middle[0] for _, summary in control]
            axes.plot(
                [share for share, _ in control], middles, "--", color=_colour(row, chart), linewidth=0.9
            )
    dense, _, _ = chart.board.training.metrics[split, "dense"].middle
    axes.axhline(100 * dense, color=INK, linestyle=":", linewidth=0.9)
    shares = sorted({float(column.path[-1]) for column in columns})
    axes.set_xscale("log")
    axes.set_xlim(max(shares) * 1.1, min(shares) / 1.1)
    axes.set_xticks(shares, [f"{100 * share:g}" for share in shares])
    axes.xaxis.minorticks_off()
    _label_ends(axes, ends, chart)


def _layers(chart: ChartBoard, step: int) -> "Figure":
    """The rank correlation in each layer, in the order in which the layers run."""
    columns = layer_columns(chart.board)
    figure, grid = panels(height=2.8)
    axes, ends = grid[0, 0], []
    for row in chart.at(step):
        curve = [(float(place), s) for place, c in enumerate(columns) if (s := c.summary(row))]
        if not curve or row.sees_end or not (row.scorer in chart.drawn_scorers or row.scorer == "random"):
            continue
        _band(axes, curve, row, chart)
        ends.append((*curve[-1][:1], curve[-1][1].mean, row))
    turned = sum(len(column.title) + 2 for column in columns) > LETTERS
    names = [_plain(column.title) for column in columns]
    axes.set_xticks(
        range(len(columns)), names, rotation=45 if turned else 0, ha="right" if turned else "center"
    )
    axes.set_ylabel("Spearman correlation")
    axes.grid(axis="y", color="0.9")
    for at in {x for x, _, _ in ends}:
        _label_ends(axes, [end for end in ends if end[0] == at], chart)
    return figure


def _scatter(chart: ChartBoard, step: int, shown: Sequence[tuple[Row, np.ndarray]]) -> "Figure":
    """One network: the rank of each unit's score against its final norm, for every scorer.

    Of several layers both are within the unit's layer: a share of its units, and of its largest norm.
    """
    columns = 4
    lines = -(-len(shown) // columns)
    figure, grid = panels(lines, columns, height=1.6, sharex=True, sharey=True)
    layers = [units for _, units in chart.drawn_layers]
    several, norms = len(layers) > 1, np.asarray(chart.norms)
    ends = np.cumsum([0, *map(len, layers)])
    for axes, (row, scores) in zip(grid.flat, shown, strict=False):
        for units, first, last in zip(layers, ends, ends[1:], strict=False):
            ranks, own = stats.rankdata(scores[first:last]), norms[units]
            kept = ranks >= np.sort(ranks)[-kept_count(len(ranks), 0.1)]
            if several:
                ranks, own = ranks / len(ranks), own / (own.max() or 1.0)
            colour = _colour(row, chart)
            options: dict[str, Any] = {"s": 7, "linewidths": 0.5, "edgecolors": colour, "rasterized": True}
            axes.scatter(ranks[~kept], own[~kept], facecolors="none", **options)
            axes.scatter(ranks[kept], own[kept], facecolors=colour, **options)
            if not several:
                largest = np.sort(own)[-kept_count(len(own), 0.1)]
                axes.axhline(largest, color="0.5", linestyle=":", linewidth=0.8)
        axes.set_title(_plain(row.scorer))
        axes.set_yscale("log" if (norms > 0).all() else "linear")
        axes.minorticks_off()
    for axes in grid.flat[len(shown) :]:
        axes.set_visible(False)
    within = " within its layer" if several else ""
    figure.supxlabel(f"rank of the score{within} at step {step} (filled: the best 10 %)", fontsize=8)
    said = (
        "final norm / its layer's largest" if several else "final effective norm (dotted: the largest 10 %)"
    )
    figure.supylabel(said, fontsize=8)
    return figure


def _correlations(axes: "Axes", chart: ChartBoard, x: Callable[[Row], float | None]) -> None:
    rows = [row for row in chart.rows if row.spearman and x(row) is not None]
    _random_band(axes.axhspan, [row for row in rows if row.scorer == "random"])
    for row in rows:
        if row.sees_end and row.spearman:
            axes.axhline(row.spearman.mean, color=INK, linestyle="--", linewidth=0.8)
    ends = []
    for name in chart.drawn_scorers:
        line = sorted((row for row in rows if row.scorer == name), key=lambda row: row.at_step)
        if line:
            curve = [(float(x(row) or 0), row.spearman) for row in line if row.spearman]
            _band(axes, curve, line[0], chart)
            at, last = curve[-1]
            ends.append((at, last.mean, line[-1]))
    axes.set_ylabel("Spearman correlation")
    axes.grid(axis="y", color="0.9")
    for at in {x for x, _, _ in ends}:
        _label_ends(axes, [end for end in ends if end[0] == at], chart)


def _band(
    axes: "Axes", curve: Sequence[tuple[float, Summary]], row: Row, chart: ChartBoard, scale: float = 1.0
) -> None:
    x, colour = [at for at, _ in curve], _colour(row, chart)
    middles = [scale * summary.middle[0] for _, summary in curve]
    low, high = zip(*(_ends(summary, scale) for _, summary in curve), strict=True)
    dashes = "--" if row.sees_end else "-"
    axes.plot(x, middles, dashes, color=colour, zorder=3)
    if not row.sees_end:
        axes.fill_between(x, low, high, color=colour, alpha=0.12, linewidth=0)
        axes.vlines(x, low, high, color=colour, linewidth=0.9)
    if not row.control:
        for at, middle in zip(x, middles, strict=True):
            _point(axes, at, middle, row, chart)


def _label_ends(axes: "Axes", ends: Iterable[tuple[float, float, Row]], chart: ChartBoard) -> None:
    """Names beside the ends of their lines, pushed apart so that each can be read."""
    gap = 7.5  # points
    figure = cast("Figure", axes.get_figure())
    height = 0.75 * 72 * figure.get_size_inches()[1] / cast(Any, axes.get_subplotspec()).get_gridspec().nrows
    low, high = axes.get_ylim()
    axes.set_ylim(low, high)
    order = sorted(ends, key=lambda end: (end[1], end[2].scorer))
    at = np.array([height * (y - low) / (high - low) for _, y, _ in order])
    places = at.copy()
    for i in range(1, len(places)):
        places[i] = max(places[i], places[i - 1] + gap)
    for i in reversed(range(len(places))):  # pushed out of the top, they come back down together
        places[i] = min(places[i], height - gap * (len(places) - 1 - i))
    for (x, y, row), offset in zip(order, places - at, strict=True):
        axes.annotate(
            _plain(row.scorer),
            (x, y),
            xytext=(6, float(offset)),
            textcoords="offset points",
            color=GRAY if row.control else _colour(row, chart),
            va="center",
            fontsize=6.5,
            annotation_clip=False,
        )


def _log_steps(axes: "Axes", ticks: Sequence[int], most: int) -> None:
    axes.set_xscale("symlog", linthresh=10)
    axes.set_xlim(-1, 1.2 * max(most, 10))
    shown = [tick for tick in ticks if tick <= 1.2 * most]
    axes.set_xticks(shown, [f"{tick:,}" for tick in shown])
    axes.xaxis.minorticks_off()


def _title(axes: "Axes", chart: ChartBoard, step: int) -> None:
    drop = chart.board.training.drop_step
    axes.set_title(f"step {step:,}" + (f"\nt = {step / drop:.2g} t_drop" if drop else ""))


def _random_band(span: Callable[..., Any], rows: Sequence[Row]) -> None:
    ends = [_ends(row.spearman) for row in rows if row.spearman]
    if ends:
        low, high = min(low for low, _ in ends), max(high for _, high in ends)
        span(low, high, color=GRAY, alpha=0.35, linewidth=0)


def _ends(summary: Summary, scale: float = 1.0) -> tuple[float, float]:
    middle, *ends = summary.middle
    low, high = (scale * (middle if end is None else end) for end in ends)
    return low, high


def _point(axes: "Axes", x: float, y: float, row: Row, chart: ChartBoard) -> None:
    marker = SYMBOLS[chart.styles[row.scorer].symbol][1]
    size = 6 if marker == "*" else 4
    axes.plot(
        x, y, marker, color=_colour(row, chart), zorder=4, markerfacecolor="white", markeredgewidth=1,
        markersize=size,
    )  # fmt: skip


def _colour(row: Row, chart: ChartBoard) -> str:
    if row.sees_end:
        return INK
    colour = chart.styles[row.scorer].colour
    return GRAY if colour is None else LIGHT[colour]


def _plain(name: str, limit: int = 24) -> str:
    """A name as text: matplotlib would read dollars as mathematics."""
    name = " ".join(name.split())
    if len(name) > limit:  # the middle is left out: scorers that differ in a parameter differ at the end
        head = (limit - 1) // 2
        name = f"{name[:head]}…{name[head + 1 - limit :]}"
    return name.replace("$", r"\$")
