"""Boards from Python: `pb.boards`, `pb.read_board`, `pb.compare`."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from prunebench.api.result import Result
from prunebench.api.several import several, some
from prunebench.errors import PrunebenchError, RequestError, check_type
from prunebench.leaderboard.board import Board
from prunebench.leaderboard.folder import find_boards
from prunebench.leaderboard.locations import folder_to_read
from prunebench.leaderboard.pairs import Pairs, compare_boards, compare_scorers

Rows = Result | Board


def boards(folder: str | Path | None = None, *, published: bool = False) -> list[Board]:
    """The boards in a folder; by default your own, and while there are none the published ones.

    With `published` those, which come with prunebench. Raises `RequestError` where there are none,
    `PrunebenchError` where one is damaged.
    """
    try:
        found, damaged = find_boards(folder_to_read(folder, of_published=published))
    except RequestError as error:
        raise error.about("folder") from None
    if damaged:
        raise PrunebenchError(damaged[0])
    return found


def read_board(name: str | Path, *, published: bool = False) -> Board:
    """One board: by its JSON file, or by the beginning of its name among `pb.boards(published=published)`.

    Raises `RequestError` for a name that no board or more than one has, `PrunebenchError` for a board that is
    damaged.
    """
    path = Path(name)
    if path.suffix == ".json":
        if not path.is_file():
            raise RequestError("name", str(name), "there is no such file")
        return Board.read(path)
    found, damaged = find_boards(folder_to_read(None, of_published=published), str(name))
    exact = [board for board in found if board.name == str(name)]
    if damaged and not exact:
        raise PrunebenchError(damaged[0])
    exact = exact or found
    if len(exact) > 1:
        names = ", ".join(board.name for board in exact)
        raise RequestError("name", str(name), f"the name of one board is needed, of {names}")
    return exact[0]


def compare(
    first: str | Rows,
    second: str | Rows,
    on: Rows | Iterable[Rows] | None = None,
    *,
    metrics: str | Sequence[str] = ("spearman",),
    at_step: int | None = None,
) -> Pairs:
    """Two scorers on the same networks, or two boards, network by network: `prunebench compare`.

    Args:
        first: the name of a scorer (`"alignment@50"` is one at its own step), or a result or a board.
        second: likewise.
        on: results or boards that scorers are compared on; by default `pb.boards()`.
        metrics: what to compare by, such as `"kendall"` or `"accuracy.prune_final.0.1"`.
        at_step: only at this step.

    Raises:
        RequestError: unknown scorers and metrics, and where there is nothing to compare.
    """
    chosen: tuple[str, ...] = some("metrics", metrics, str)
    if isinstance(first, str) and isinstance(second, str):
        there: Sequence[Rows] = boards() if on is None else several(on, Result | Board)
        return compare_scorers([_board("on", each) for each in there], first, second, chosen, at_step)
    if isinstance(first, str) or isinstance(second, str) or on is not None:
        raise RequestError("first, second", (first, second), "two scorers, or two boards alone, are needed")
    one, other = _board("first", first), _board("second", second)
    return compare_boards(one, other, chosen, at_step)


def _board(argument: str, given: Rows) -> Board:
    check_type(argument, given, (Result, Board), "a result or a board is needed")
    return given.board() if isinstance(given, Result) else given
