"""How scorers stand over boards, in words and as a critical-difference diagram."""

import math
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

from prunebench.evaluation.friedman import tasks_needed
from prunebench.leaderboard.across import EARLY, Across, Moment

# What a diagram's axis takes at least and at most, in characters.
_NARROWEST, _WIDEST = 12, 48
_AROUND = 3  # what stands between names or numbers, axis and bars
POINT, LEFT, RIGHT, LINE, BAR = "●", "├", "┤", "─", "┃"
FAMILIES = {"all": "all", "shallow": "shallow networks'", "layered": "layered networks'"}


def moment_words(step: Moment) -> str:
    """`at step 50`; `before the plateau ends`."""
    return "before the plateau ends (mean over a board's steps)" if step == EARLY else f"at step {step}"


def title(found: Across) -> str:
    """`all 13 boards, Spearman at step 0`."""
    family = FAMILIES[found.family]
    return f"{family} {len(found.boards)} boards, {found.column.title} {moment_words(found.step)}"


def interval(found: Across, scorer: str) -> str:
    """`1.4 [1.0, 1.9]`; of fewer than three boards the mean alone."""
    low, high = found.rank_ends[scorer]
    mean = f"{found.average_ranks[scorer]:.1f}"
    return mean if math.isnan(low) else f"{mean} [{low:.1f}, {high:.1f}]"


def diagram(
    found: Across, width: int, shown: Collection[str] | None = None, *, numbers: bool = True
) -> Iterator[str]:
    """A line a scorer, the best first: average rank with its interval on an axis, and bars.

    A bar joins scorers that are not told apart. Names are whole, whatever the width; numbers of the interval
    stand beside the mean where there is room.

    Args:
        shown: of all scorers, which have a line; where none of these is compared there is no diagram.
        numbers: beside the names; not where a table has them.
    """
    cliques = found.comparison.cliques if found.comparison else ()
    order = [scorer for scorer in found.order if shown is None or scorer in shown]
    if not order:
        return
    room = width - len(cliques) - _AROUND
    head, *begun = _in_columns(["scorer", *order])
    if numbers:
        head, *begun = _numbered(found, order, room - 2 * _NARROWEST)
    axis = max(_NARROWEST, min(_WIDEST, room - len(head)))
    count = len(found.order)

    def place(rank: float) -> int:
        return round((rank - 1) / (count - 1) * (axis - 1))

    ticks = f"{1:<{axis - len(str(count))}}{count}"
    yield f"{head}  {ticks} ".rstrip()
    for scorer, line in zip(order, begun, strict=True):
        low, high = found.rank_ends[scorer]
        cells = [" "] * axis
        if not math.isnan(low):
            first, last = place(low), place(high)
            cells[first : last + 1] = [LINE] * (last + 1 - first)
            cells[first], cells[last] = LEFT, RIGHT
        cells[place(found.average_ranks[scorer])] = POINT
        bars = "".join(BAR if scorer in clique else " " for clique in cliques)
        yield f"{line}  {''.join(cells)} {bars}".rstrip()


def _numbered(found: Across, order: Sequence[str], room: int) -> list[str]:
    """Heading and lines of names, average ranks and boards first on: intervals where they fit into `room`."""
    means = [f"{found.average_ranks[scorer]:.1f}" for scorer in order]
    firsts = [f"{found.firsts[scorer]:>5}" for scorer in order]
    names, whole = ["scorer", *order], [interval(found, scorer) for scorer in order]
    wide = _in_columns(names, ["rank", *whole], ["first", *firsts])
    return wide if len(wide[0]) <= room else _in_columns(names, ["rank", *means], ["first", *firsts])


def _in_columns(*columns: Sequence[str]) -> list[str]:
    widths = [max(map(len, column)) for column in columns]
    return [
        "  ".join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True))
        for cells in zip(*columns, strict=True)
    ]


def points(found: Across) -> list[dict[str, Any]]:
    """What a chart draws: average ranks, the best first, and a bar for each run of scorers not told apart."""
    ends = {scorer: pair for scorer, pair in found.rank_ends.items() if not math.isnan(pair[0])}
    ranks: list[dict[str, Any]] = [
        {"scorer": scorer, "rank": found.average_ranks[scorer]}
        | dict(zip(("least", "most"), ends.get(scorer, ()), strict=False))
        for scorer in found.order
    ]
    bars = enumerate(found.comparison.cliques if found.comparison else ())
    right, apart = len(ranks) + 1, 0.035 * len(ranks)
    return ranks + [
        {"scorer": first, "last": last, "rank": right + apart * place} for place, (first, *_, last) in bars
    ]


def verdict(found: Across, *, named: bool = False, escape: Callable[[str], str] = str) -> str:
    """Whether the boards can tell the scorers apart, and who is not in it.

    Args:
        named: name the scorers that bars would join, for where there are none.
        escape: of scorers' names.
    """
    count, parts = len(found.scorers), []
    if found.comparison is None:
        parts.append(
            f"{count} scorers need {tasks_needed(count)} boards before any difference can be significant "
            f"({count * (count - 1) // 2} corrected comparisons)"
            if count > 2
            else "two scorers make no diagram; `prunebench compare` compares them"
        )
    else:
        p, cliques = found.comparison.p, found.comparison.cliques
        parts.append(f"Friedman {'p < 0.0001' if p < 0.0001 else f'p = {p:.4f}'}")
        listed = f"not told apart: {'; '.join(', '.join(map(escape, clique)) for clique in cliques)}"
        told = listed if named else "a bar joins scorers that are not told apart"
        parts.append(told if cliques else "all scorers differ from each other")
    if found.left_out:
        parts.append(f"not on every board: {', '.join(map(escape, found.left_out))}")
    if found.boards_left_out:
        parts.append(f"boards left out, for they lack some of these: {len(found.boards_left_out)}")
    return "; ".join(parts)
