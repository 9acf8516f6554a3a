"""The folder that boards live in: a JSON file each, and the tables made of it."""

import os
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path

from msgspec.structs import replace

from prunebench.errors import PrunebenchError, RequestError, unknown_name
from prunebench.leaderboard.archive import unpack
from prunebench.leaderboard.board import Board, read_json
from prunebench.leaderboard.locations import published
from prunebench.leaderboard.means import with_means
from prunebench.leaderboard.overview import overview
from prunebench.leaderboard.text import markdown, to_csv
from prunebench.results import Document, Row
from prunebench.store.files import folder_lock, write_atomically

_BEGIN, _END = "<!-- overview -->", "<!-- end of overview -->"


def add_to_folder(
    document: Document, folder: Path, begun: Mapping[str, Board] | None = None
) -> tuple[Board, list[Path], Board | None]:
    """Join a result document's rows to their board in `folder`.

    Where there is none yet, they join the one of this name in `begun`. Returns the board, its files (the
    JSON, then the tables), and the board as it was before, if there was one.
    """
    newer = Board.of(document)
    path = folder / f"{newer.name}.json"
    with folder_lock(folder):
        older = Board.read(path) if path.exists() else (begun or {}).get(newer.name)
        board = newer if older is None else older.join(newer)
        return board, _write_board(board, path), older


def add_rows(rows: Board, folder: Path, begun: Mapping[str, Board] | None = None) -> int | None:
    """Put rows on the board of their name in `folder`, which stays what it is in all else.

    Where there is none yet, on the one of this name in `begun`. Returns how many rows they took the place of,
    or None where there is no such board.
    """
    path = folder / f"{rows.name}.json"
    with folder_lock(folder):
        board = Board.read(path) if path.is_file() else (begun or {}).get(rows.name)
        if board is None:
            return None
        newer = {row.key: row for row in rows.rows}
        kept = [row for row in board.rows if row.key not in newer]
        _write_board(replace(board, rows=[*kept, *newer.values()]), path)
    return len(board.rows) - len(kept)


def remove_rows(name: str, rows: Collection[Row], folder: Path) -> None:
    """Take rows off the board of this name, and the board away with its last row.

    One that failed when it was asked about, and does no more, stays.
    """
    meant = {(row.key, row.status) for row in rows}
    path = folder / f"{name}.json"
    with folder_lock(folder):
        board = Board.read(path)
        kept = [row for row in board.rows if (row.key, row.status) not in meant]
        if kept:
            _write_board(replace(board, rows=kept), path)
            return
        # The record goes last: as long as it is there, this can be done again.
        for file in (path.with_suffix(".md"), path.with_suffix(".csv"), path):
            file.unlink(missing_ok=True)


def rebuild(folder: Path) -> list[Path]:
    """Make all files again from the JSON records, and the overview in `README.md`; returns the files.

    A record that is no board is left as it is.
    Equal records give equal bytes. Of a `README.md` that is there only what stands between the lines
    `<!-- overview -->` and `<!-- end of overview -->` is replaced; without these it is left as it is.
    """
    with folder_lock(folder):
        boards, _ = read_folder(folder)
        files = [file for path, board in boards.items() for file in _write_board(board, path)]
        readme = folder / "README.md"
        text = readme.read_text(encoding="utf-8") if readme.exists() else f"# Boards\n\n{_BEGIN}\n{_END}\n"
        before, begin, rest = text.partition(_BEGIN)
        _, end, after = rest.partition(_END)
        if boards and begin and end:
            made = overview(list(boards.values()))
            write_atomically(readme, f"{before}{_BEGIN}\n\n{made}\n{_END}{after}")
            files.append(readme)
    return files


def _write_board(board: Board, path: Path) -> list[Path]:
    # The JSON is the record and comes last: where it is, the tables beside it are as new.
    tables = _tables(board, path)
    for file, text in (tables | {path: board.to_json()}).items():
        write_atomically(file, text)
    return [path, *tables]


def _tables(board: Board, path: Path) -> dict[Path, str]:
    return {path.with_suffix(".md"): markdown(board), path.with_suffix(".csv"): to_csv(board)}


def has_tables(board: Board, path: Path) -> bool:
    """Whether the tables beside a board's JSON are those of the board.

    Those that were written before it are; what was put there later is made again and compared.
    """
    try:
        written = path.stat().st_mtime_ns
        later = [file.stat().st_mtime_ns > written for file in (path.with_suffix(s) for s in (".md", ".csv"))]
        return not any(later) or all(
            file.read_text(encoding="utf-8") == text for file, text in _tables(board, path).items()
        )
    except (OSError, UnicodeDecodeError):
        return False


def find_boards(folder: Path, name: str | None = None) -> tuple[list[Board], list[str]]:
    """The boards in `folder` whose names start with `name`, and a line for each that is damaged.

    Raises `RequestError` where there is no such board, `PrunebenchError` where all such boards are damaged.
    """
    # A whole name, of which there are no two, needs no other board: the published ones take two seconds.
    if name and (one := _whole(name, folder)):
        return [one], []
    found, damaged = read_folder(folder)
    boards = list(found.values())
    chosen = [board for board in boards if board.name.startswith(name or "")]
    left_out = [line for line in damaged if line.startswith(name or "")]
    if (damaged and not boards) or (left_out and not chosen):
        raise PrunebenchError((left_out or damaged)[0])
    if not boards:
        raise RequestError("out", str(folder), "a folder with boards; `prunebench run` makes one")
    if not chosen:
        there = folder != published() and any(known.startswith(name or "") for known in published_boards())
        noun = "it is a published one (--published); boards here" if there else "boards here"
        raise unknown_name("board", name or "", [board.name for board in boards], noun)
    return chosen, left_out


def _whole(name: str, folder: Path) -> Board | None:
    """The board that is called so and lies in the file of its name, whatever else there is."""
    with suppress(PrunebenchError):
        found = board_called(name, folder) if Path(name).name == name else None
        return found if found is not None and found.name == name else None
    return None


def board_called(name: str, folder: Path) -> Board | None:
    """The board of this whole name in a folder, or packed in a file."""
    if folder.is_file():
        found = [content for content in unpack(folder) if content["name"] == name]
        return Board.from_content(with_means(found)[0], name) if found else None
    path = folder / f"{name}.json"
    return Board.read(path) if os.path.isfile(path) else None  # a name may be too long for a file


def published_boards() -> dict[str, Board]:
    """The published boards by name; none where this code came without them."""
    boards, _ = read_folder(published())
    return {board.name: board for board in boards.values()}


def read_folder(folder: Path) -> tuple[dict[Path, Board], list[str]]:
    """All boards in `folder` by their files, and a line, beginning with its name, for each file that is none.

    A folder that is missing has none. A file that never was to be a board is none of the two. The file that
    boards were packed in may stand for a folder.
    """
    if folder.is_file():
        contents = with_means(unpack(folder))
        return {
            folder / (file := f"{each['name']}.json"): Board.from_content(each, file) for each in contents
        }, []
    boards: dict[Path, Board] = {}
    damaged: list[str] = []
    for path in sorted(folder.glob("*.json")):
        try:
            content = read_json(path)
            if isinstance(content, dict) and {"schema", "rows", "training"} & set(content):
                boards[path] = Board.from_content(content, path.name)
        except PrunebenchError as error:
            damaged.append(str(error))
    return boards, damaged
