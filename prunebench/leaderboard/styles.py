"""The style of each scorer: the same colour and symbol in every chart of the page and in the figures."""

from collections.abc import Sequence
from dataclasses import dataclass

from prunebench.leaderboard.board import Board

# Eight hues after Okabe & Ito (2008), which people with any kind of colour vision can tell apart; darkened
# for paper and lightened for dark pages, so that lines keep a contrast of 3 with what is behind them.
LIGHT = ("#0072b2", "#c44a00", "#008264", "#b0518b", "#2e93d0", "#b58a00", "#4a2a8a", "#6e3a24")
DARK = ("#3d9be0", "#ff7a2e", "#1fbf92", "#f0a3d0", "#a5dcfb", "#f7cc45", "#8f74e8", "#b98a6a")
# By Observable Plot's names and matplotlib's; seven, so that colours and symbols pair up to 56 styles.
SYMBOLS = (
    ("circle", "o"),
    ("square", "s"),
    ("triangle", "^"),
    ("diamond", "D"),
    ("star", "*"),
    ("cross", "P"),
    ("times", "X"),
)


@dataclass(frozen=True)
class Style:
    """A colour and a symbol by number; controls have no colour of their own: they are drawn gray."""

    colour: int | None
    symbol: int


def styles(boards: Sequence[Board]) -> dict[str, Style]:
    """The style of every scorer on these boards; the best before the plateau's end come first."""
    early: dict[str, list[float]] = {}
    controls: set[str] = set()
    for row in (row for board in boards for row in board.rows):
        if row.control:
            controls.add(row.scorer)
            continue
        means = early.setdefault(row.scorer, [])
        if row.spearman and (row.relative_time or 0) <= 1:
            means.append(row.spearman.mean)
    order = sorted(early, key=lambda name: (-sum(early[name]) / max(1, len(early[name])), name))
    coloured = {name: Style(place % len(LIGHT), place % len(SYMBOLS)) for place, name in enumerate(order)}
    gray = {name: Style(None, place % len(SYMBOLS)) for place, name in enumerate(sorted(controls))}
    return gray | coloured
