"""What was on a board, and is no longer since rows took the place of older ones."""

from collections.abc import Mapping, Sequence

from prunebench.evaluation.protocols import PROTOCOLS, Protocol
from prunebench.leaderboard.board import Board
from prunebench.leaderboard.ranks import RowKey

# Of more rows than this the rest are counted.
_NAMED = 3

Held = Mapping[RowKey, set[Protocol]]


def protocols_of(board: Board | None) -> Held:
    """The protocols that each row of a board has numbers of; nothing where there is no board."""
    return {} if board is None else {row.key: row.protocols for row in board.rows}


def lost(before: Held, board: Board) -> str | None:
    """A line that names what a board held `before` and holds no longer; None where that is nothing."""
    now = protocols_of(board)
    parts = [f"the rows of {_named(gone)}"] if (gone := [key for key in before if key not in now]) else []
    for protocol in PROTOCOLS:
        without = [key for key, had in before.items() if protocol in had - now.get(key, had)]
        if without:
            parts.append(f"{protocol} of {_named(without)}")
    if not parts:
        return None
    why = "newer rows, of other code, seeds or settings, or which failed, took their place and have none"
    return f"no longer on {board.name}: {'; '.join(parts)} ({why})"


def _named(keys: Sequence[RowKey]) -> str:
    named = ", ".join(f"{scorer} at step {step}" for scorer, step in keys[:_NAMED])
    return f"{named} and {len(keys) - _NAMED} more" if len(keys) > _NAMED else named
