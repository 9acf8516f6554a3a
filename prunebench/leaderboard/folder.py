"""The folder that boards live in: a JSON file each, and the tables made of it."""

import json
from pathlib import Path
from typing import Any

from prunebench.errors import PrunebenchError, RequestError, unknown_name
from prunebench.leaderboard.board import Board
from prunebench.leaderboard.overview import overview
from prunebench.leaderboard.text import markdown, to_csv
from prunebench.store.files import folder_lock, write_atomically

_BEGIN, _END = "<!-- overview -->", "<!-- end of overview -->"


def add_to_folder(document: dict[str, Any], folder: Path) -> tuple[Board, list[Path]]:
    """Join a result document's rows to their board in `folder`; returns the board and its files."""
    newer = Board.of(document)
    path = folder / f"{newer.name}.json"
    with folder_lock(folder):
        board = Board.read(path).join(newer) if path.exists() else newer
        return board, _write_board(board, path)


def rebuild(folder: Path) -> list[Path]:
    """Make all files again from the JSON records, and the overview in `README.md`; returns the files.

    Equal records give equal bytes. Of a `README.md` that is there only what stands between the lines
    `<!-- overview -->` and `<!-- end of overview -->` is replaced; without these it is left as it is.
    """
    with folder_lock(folder):
        found = _board_files(folder)
        files = [file for path, board in found for file in _write_board(board, path)]
        readme = folder / "README.md"
        text = readme.read_text(encoding="utf-8") if readme.exists() else f"# Boards\n\n{_BEGIN}\n{_END}\n"
        before, begin, rest = text.partition(_BEGIN)
        _, end, after = rest.partition(_END)
        if found and begin and end:
            write_atomically(readme, f"{before}{_BEGIN}\n\n{overview([b for _, b in found])}\n{_END}{after}")
            files.append(readme)
    return files


def _write_board(board: Board, path: Path) -> list[Path]:
    # The JSON is the record and comes first; the tables can always be made again from it.
    files = {path: board.to_json()}
    files |= {path.with_suffix(".md"): markdown(board), path.with_suffix(".csv"): to_csv(board)}
    for file, text in files.items():
        write_atomically(file, text)
    return list(files)


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
    return [board for _, board in _board_files(folder)]


def _board_files(folder: Path) -> list[tuple[Path, Board]]:
    if not folder.is_dir():
        raise RequestError("--out", str(folder), "a folder with boards; `prunebench run` makes one")
    boards = []
    for path in sorted(folder.glob("*.json")):
        try:
            is_board = {"schema", "rows", "training"} <= set(json.loads(path.read_text(encoding="utf-8")))
        except (ValueError, TypeError) as error:
            raise PrunebenchError(f"{path.name}: not readable as JSON ({error})") from error
        if is_board:
            boards.append((path, Board.read(path)))
    return boards
