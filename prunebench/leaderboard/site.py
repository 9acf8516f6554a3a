"""Boards as a site that any static host serves: an index, a page a board, and their files beside."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from prunebench.leaderboard.board import Board
from prunebench.leaderboard.columns import SPEARMAN
from prunebench.leaderboard.page import assemble, scripts
from prunebench.leaderboard.page_data import page_data
from prunebench.leaderboard.text import markdown, to_csv
from prunebench.store.files import write_atomically

SCRIPTS_AT = "scripts/"
# Of a board, what the index shows.
OUTLINE = ("name", "task", "recipe", "network", "apart", "newest", "training", "dense", "verdicts")
OUTLINE_OF_ROWS = ("look", "step", "relative", "steps", "early", "seconds")


def write_site(boards: Sequence[Board], folder: Path) -> Iterator[Path]:
    """Write the site into a folder; gives its files as they come. Equal boards give equal bytes."""
    for name, text in scripts().items():
        yield _write(folder / SCRIPTS_AT / name, text)
    yield _write(folder / "index.html", assemble(index(page_data(boards)), SCRIPTS_AT))
    for board in boards:
        forms = {"json": board.to_json(), "csv": to_csv(board), "md": markdown(board)}
        files = [(f"{board.name}.{form}", text) for form, text in forms.items()]
        links = [("index.html", "all boards"), *((name, name.rpartition(".")[2]) for name, _ in files)]
        html = "".join(f'<a href="{name}">{text}</a> ' for name, text in links)
        page = assemble(page_data([board]) | {"site": "board"}, SCRIPTS_AT, html)
        for name, text in (*files, (f"{board.name}.html", page)):
            yield _write(folder / name, text)


def index(data: dict[str, Any]) -> dict[str, Any]:
    """Of the data of a page, what the index shows."""
    outlines = []
    for board in data["boards"]:
        rows = [
            {name: row[name] for name in OUTLINE_OF_ROWS}
            | {"values": {name: values for name, values in row["values"].items() if name == SPEARMAN.name}}
            for row in board["rows"]
        ]
        outlines.append({name: board[name] for name in OUTLINE} | {"rows": rows})
    charts = {"critical": data["charts"]["critical"]}
    return data | {"site": "index", "boards": outlines, "charts": charts}


def _write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, text)
    return path
