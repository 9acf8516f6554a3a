"""A comparison on the terminal."""

import math
from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from prunebench.evaluation.comparison import seeds_needed
from prunebench.leaderboard.pairs import Pair, Pairs


def render_pairs(found: Pairs) -> RenderableType:
    """A table for each board, or one of all scorers, and the verdict in words."""
    boards = dict.fromkeys(pair.board for pair in found.pairs)
    tables = [_table(found, [pair for pair in found.pairs if pair.board == board]) for board in boards]
    return Group(
        Text(f"A: {found.first}\nB: {found.second}", style="bold"),
        *tables,
        *(Text(line) for line in _verdict(found)),
        *(Text(line, style="dim") for line in _notes(found)),
    )


def _table(found: Pairs, pairs: list[Pair]) -> Table:
    several = len({pair.column for pair in found.pairs}) > 1
    title = escape(pairs[0].board) or None
    table = Table(title=title, title_justify="left", title_style="bold")
    if pairs[0].scorer:
        table.add_column("scorer", no_wrap=True)
    if several:
        table.add_column("metric", overflow="fold")
    table.add_column("step", justify="right", no_wrap=True)
    table.add_column("A", justify="right", no_wrap=True)
    table.add_column("B", justify="right", no_wrap=True)
    table.add_column("A - B", no_wrap=True)
    table.add_column("p", justify="right", no_wrap=True)
    table.add_column("verdict")
    for pair in pairs:
        cells = [escape(pair.scorer)] if pair.scorer else []
        cells += [escape(pair.column.name)] if several else []
        cells += [
            pair.at,
            *(pair.column.number(mean) for mean in pair.means),
            escape(_effect(pair)),
            _p(pair.p),
        ]
        verdict = {1: "A is better", -1: "B is better", 0: "not significant"}[pair.better]
        if pair.too_few(len(found.pairs)):
            verdict = f"too few seeds ({pair.difference.seeds})"
        table.add_row(*cells, verdict)
    return table


def _effect(pair: Pair) -> str:
    effect, scale, digits = (
        pair.difference,
        (100 if pair.column.percent else 1),
        (1 if pair.column.percent else 3),
    )
    numbers = effect.mean, effect.low, effect.high, effect.mean if effect.median is None else effect.median
    mean, low, high, median = (f"{scale * value:+z.{digits}f}" for value in numbers)
    if not math.isfinite(effect.low):
        return mean
    return f"{mean} [{low}, {high}]" if effect.median is None else f"{mean} · {median} [{low}, {high}]"


def _p(p: float) -> str:
    return "<0.0001" if p < 0.0001 else f"{p:.4f}"


def _verdict(found: Pairs) -> Iterator[str]:
    count = len(found.pairs)
    first, second = (sum(pair.better == sign for pair in found.pairs) for sign in (1, -1))
    if count == 1:
        pair = found.pairs[0]
        better = {
            1: f"{found.first} is better",
            -1: f"{found.second} is better",
            0: "No significant difference",
        }
        unit = " points" if pair.column.percent else ""
        yield f"{better[pair.better]}: {_effect(pair)}{unit}, p {_p(pair.p)}."
    else:
        rest = count - first - second
        yield f"Of {count} comparisons A is better in {first}, B in {second}; {rest} are not significant."


def _notes(found: Pairs) -> Iterator[str]:
    count = len(found.pairs)
    yield from (f"{remark}." for remark in found.remarks)
    if any(pair.too_few(count) for pair in found.pairs):
        what = "A comparison needs" if count == 1 else f"{count} corrected comparisons need"
        yield f"{what} {seeds_needed(count)} seeds before it can be significant, whatever the numbers."
    correction = f", Holm-corrected over these {count}" if count > 1 else ""
    yield (
        "A - B: mean of the paired differences with its 95 % interval (bootstrap-t and Student's t). "
        f"p: exact paired Wilcoxon test over seeds{correction}; level 0.05."
    )
    if any(pair.column.percent for pair in found.pairs):
        yield "Shares are in %, their differences in points."
    if any(pair.difference.median is not None for pair in found.pairs):
        yield "Accuracies: after the point the median of the differences with its exact 95 % interval."
