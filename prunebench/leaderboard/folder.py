"""The folder that boards live in: a JSON file each, and the tables made of it."""

import json
from pathlib import Path
from typing import Any

from prunebench.errors import PrunebenchError, RequestError, unknown_name
from prunebench.leaderboard.board import Board
from prunebench.leaderboard.text import markdown, to_csv
from prunebench.store.files import folder_lock, write_atomically


def add_to_folder(document: dict[str, Any], folder: Path) -> tuple[Board, list[Path]]:
    """Join a result document's rows to their board in `folder`; returns the board and its files."""
    newer = Board.of(document)
    path = folder / f"{newer.name}.json"
    with folder_lock(folder):
        board = Board.read(path).join(newer) if path.exists() else newer
        # The JSON is the record and comes first; the tables can always be made again from it.
        files = [(path, board.to_json())]
        files += [(path.with_suffix(".md"), markdown(board)), (path.with_suffix(".csv"), to_csv(board))]
        for file, text in files:
            write_atomically(file, text)
    return board, [file for file, _ in files]


def find_boards(folder: Path, name: str | None = None) -> list[Board]:
    """The boards in `folder` whose names start with `name`; at least one, or `RequestError`."""
    boards = read_folder(folder)
    if not boards:
        raise RequestError("--out", str(folder), "a folder with boards; `prunebench run` makes one")
    chosen = [board for board in boards if board.name.startswith(name or "")]
    if not chosen:
        raise unknown_name("board", name or "", [board.name for board in boards], "boards here")
    return chosen


def read_folder(folder: Path) -> list[Board]:
    """All boards in `folder`, by name. Raises `RequestError` for a missing folder."""
    if not folder.is_dir():
        raise RequestError("--out", str(folder), "a folder with boards; `prunebench run` makes one")
    boards = []
    for path in sorted(folder.glob("*.json")):
        try:
            is_board = {"schema", "rows", "training"} <= set(json.loads(path.read_text(encoding="utf-8")))
        except (ValueError, TypeError) as error:
            raise PrunebenchError(f"{path.name}: not readable as JSON ({error})") from error
        if is_board:
            boards.append(Board.read(path))
    return boards
