"""A comparison on the terminal."""

from collections.abc import Iterator

from msgspec import UNSET
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
    table = Table(title=escape(pairs[0].board) or None, title_justify="left", title_style="bold")
    lines = [_cells(found, pair) for pair in pairs]
    for title in lines[0]:
        table.add_column(
            title,
            justify="right" if title in ("step", "A", "B", "p") else "left",
            no_wrap=title not in ("scorer", "metric", "verdict"),
            overflow="fold" if title in ("scorer", "metric") else "ellipsis",
        )
    for line in lines:
        table.add_row(*map(Text, line.values()))
    return table


def _cells(found: Pairs, pair: Pair) -> dict[str, str]:
    """A line of the table, by the titles of the columns."""
    several = len({pair.column for pair in found.pairs}) > 1
    cells = {"scorer": pair.scorer} if pair.scorer else {}
    cells |= {"metric": pair.column.name} if several else {}
    a, b = map(pair.column.number, pair.means)
    verdict = {1: f"A is {pair.more}", -1: f"B is {pair.more}", 0: "not significant"}[pair.better]
    if pair.too_few(len(found.pairs)):
        verdict = f"too few seeds ({pair.seeds})"
    shown = {"step": pair.at, "A": a, "B": b, "A - B": _effect(pair), "p": _p(pair.p), "verdict": verdict}
    return cells | shown


def _effect(pair: Pair) -> str:
    scale, digits = (100, 1) if pair.column.percent else (1, 3)
    return pair.difference.in_words(lambda value: f"{scale * value:+z.{digits}f}")


def _p(p: float) -> str:
    return "<0.0001" if p < 0.0001 else f"{p:.4f}"


def _verdict(found: Pairs) -> Iterator[str]:
    count = len(found.pairs)
    first, second = (sum(pair.better == sign for pair in found.pairs) for sign in (1, -1))
    if count == 1:
        pair = found.pairs[0]
        leader = {1: found.first, -1: found.second}.get(pair.better)
        said = "No significant difference" if leader is None else f"{leader} is {pair.more}"
        unit = " points" if pair.column.percent else ""
        yield f"{said}: {_effect(pair)}{unit}, p {_p(pair.p)}."
    else:
        rest = count - first - second
        more = " or ".join(dict.fromkeys(pair.more for pair in found.pairs))
        yield f"Of {count} comparisons A is {more} in {first}, B in {second}; {rest} are not significant."


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
    if any(pair.difference.median is not UNSET for pair in found.pairs):
        yield "Accuracies: after the point the median of the differences with its exact 95 % interval."
