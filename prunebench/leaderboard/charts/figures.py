"""Charts as files for papers: PNG, SVG and PDF, of the width that a paper's column has."""

from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

from prunebench.leaderboard.across import across, steps_of
from prunebench.leaderboard.board import Board
from prunebench.leaderboard.chart_data import ChartBoard
from prunebench.leaderboard.charts import KINDS, points
from prunebench.leaderboard.charts.pictures import LOOK, MM, content, render
from prunebench.leaderboard.charts.specs import CHARTS, Spec, specification
from prunebench.leaderboard.critical_difference import moment_words
from prunebench.leaderboard.critical_difference import points as rank_points
from prunebench.leaderboard.overview import compared, in_order
from prunebench.store.files import write_atomically

WIDTH = 173.0  # mm: a page's text width

Figure = tuple[str, Spec]  # its name, and what it draws, with its data


def draw(
    boards: Sequence[Board],
    folder: Path,
    kinds: Sequence[str] = KINDS,
    steps: Sequence[int] = (),
    formats: Sequence[str] = ("png", "svg"),
    width: float = WIDTH,
) -> Iterator[Path]:
    """Draw every board's charts into a folder of its name, `width` mm wide; gives the files as they come.

    At these steps, or at all where none are given. Equal boards give equal PNG and SVG; of PDF only what is
    seen is equal. Raises `RequestError` where the package that draws is not installed.
    """
    steps = steps or steps_of(boards)
    figures = [_figures(board, kinds, steps, width * MM) for board in in_order(boards)]
    for name, spec in chain(*figures, _critical(boards, steps) if "critical" in kinds else ()):
        svg, path = render(spec, width * MM), folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        for form in formats:
            file = path.with_suffix(f".{form}")
            write_atomically(file, content(svg, form))
            yield file


def _figures(board: Board, kinds: Sequence[str], steps: Sequence[int], width: float) -> Iterator[Figure]:
    """Of each chart with something to draw one figure, or one for each step."""
    chart = ChartBoard(board)
    table, ends = points.table(chart), [points.ends(chart)]
    shown = [step for step in chart.steps if step in steps]
    moments = {"each": [[step] for step in shown], "chosen": [shown], "all": [chart.steps]}
    units, within = board.units_word, chart.within
    for name, about in CHARTS.items():
        if name.split("_")[0] not in kinds or name == "critical":
            continue
        lines = [line for line in table if points.is_drawn(line, about, chart.drawn_scorers)]
        for moment in moments[about.get("steps", "all")]:
            there = [line for line in lines if line["step"] in moment]
            if len({line[about["x"]] for line in there}) < about.get("least", 1):
                continue
            legend, at = 0.0 if about.get("every") else width, f", step {moment[0]:,}"
            spec = specification(name, points.kinds(there), LOOK, legend, units=units, within=within, at=at)
            ending = f"_step{moment[0]}" if about.get("steps") == "each" else ""
            yield f"{board.name}/{name}{ending}", spec | {"datasets": {"points": there, "ends": ends}}


def _critical(boards: Sequence[Board], steps: Sequence[int]) -> Iterator[Figure]:
    for column in compared(boards):
        for step in steps:
            found = across(boards, column, step)
            if found is not None and found.comparison is not None:
                words = f"{column.title} {moment_words(step)}, {len(found.boards)} boards"
                title = [words, "bars join what is not told apart"]
                spec = specification("critical", dict.fromkeys(found.order, "predictor"), LOOK, title=title)
                name = f"critical_difference_{column.name.replace('.', '-')}_step{step}"
                yield name, spec | {"datasets": {"points": rank_points(found)}}
