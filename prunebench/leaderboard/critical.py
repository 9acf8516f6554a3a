"""Critical-difference diagrams over boards, for papers (Demšar, JMLR 2006, figure 1)."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from prunebench.drawing import WIDTH, panels, save, style
from prunebench.evaluation.friedman import Comparison
from prunebench.leaderboard.across import across, steps_of
from prunebench.leaderboard.board import Board
from prunebench.leaderboard.columns import Column
from prunebench.leaderboard.overview import compared

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CLIQUE_WIDTH = 3.5  # points


def draw(boards: Sequence[Board], folder: Path) -> Iterator[Path]:
    """Draw a diagram for each column and step that has boards enough; gives the files, less their endings.

    Raises `RequestError` where matplotlib is not installed.
    """
    for column in compared(boards):
        for step in steps_of(boards):
            found = across(boards, column, step)
            if found is not None and found.comparison is not None:
                path = folder / f"critical_difference_{column.name.replace('.', '-')}_step{step}"
                with style():
                    save(diagram(found.comparison, _title(column, step, len(found.boards))), path)
                yield path


def diagram(comparison: Comparison, title: str) -> "Figure":
    """Average ranks on a line, the best on the left; bars join scorers that are not told apart."""
    count = len(comparison.methods)
    lines = (count + 1) // 2
    height = 0.35 + 0.16 * len(comparison.cliques) + 0.19 * lines + 0.35
    figure, axes = panels(height=height, width=WIDTH)
    _draw(axes[0][0], comparison, lines)
    figure.suptitle(title, fontsize=8)
    return figure


def _draw(axes: "Axes", comparison: Comparison, lines: int) -> None:
    count = len(comparison.methods)
    bars = 0.8 * len(comparison.cliques) + 0.6
    axes.set_xlim(1 - 0.42 * (count - 1), count + 0.42 * (count - 1))
    axes.set_ylim(bars + lines + 0.2, -1.4)
    axes.axis("off")
    axes.plot([1, count], [0, 0], color="black", linewidth=0.8, clip_on=False)
    for tick in range(1, count + 1):
        axes.plot([tick, tick], [0, -0.3], color="black", linewidth=0.8)
        axes.text(tick, -0.45, str(tick), ha="center", va="bottom", fontsize=7)
    for place, (name, rank) in enumerate(zip(comparison.methods, comparison.average_ranks, strict=True)):
        left = place < lines
        level = bars + (place if left else count - 1 - place) + 0.5
        end = 1 - 0.06 * (count - 1) if left else count + 0.06 * (count - 1)
        axes.plot([rank, rank, end], [0, level, level], color="0.35", linewidth=0.6)
        label = f"{name}  {rank:.1f}" if left else f"{rank:.1f}  {name}"
        # Names are anybody's text: a dollar sign must not start mathematics.
        axes.text(end, level, f" {label} ", ha="right" if left else "left", va="center", parse_math=False)
    for number, clique in enumerate(comparison.cliques):
        ranks = [comparison.average_ranks[comparison.methods.index(name)] for name in clique]
        height = 0.8 * number + 0.6
        axes.plot([ranks[0] - 0.05, ranks[-1] + 0.05], [height] * 2, color="#0072B2", linewidth=CLIQUE_WIDTH)


def _title(column: Column, step: int, boards: int) -> str:
    return (
        f"{column.title} at step {step}: average rank over {boards} boards; bars join what is not told apart"
    )
