"""Boards packed for the installed package: small, and the same tables."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_up_boards import board, layered, summary
from msgspec.structs import replace

from prunebench.leaderboard.archive import DIGITS, LACKS, pack
from prunebench.leaderboard.board import Board
from prunebench.leaderboard.folder import board_called
from prunebench.results import Row

FOLDER = Path(__file__).resolve().parents[2] / "leaderboards"
MOST = 2_000_000  # bytes; an index should not have to carry more for tables
# The committed boards, in a process without the tests' type checks.
COMMITTED = """
import json, sys
from pathlib import Path
from prunebench.leaderboard.archive import DIGITS, LACKS, pack
from prunebench.leaderboard.folder import read_folder
from prunebench.leaderboard.text import markdown

folder, packed = map(Path, sys.argv[1:])
packed.write_bytes(pack([json.loads(path.read_bytes()) for path in sorted(folder.glob("*.json"))]))
boards, _ = read_folder(packed)
for board in boards.values():
    text = markdown(board)
    assert text.count(LACKS) == 1
    written = (folder / f"{board.name}.md").read_text(encoding="utf-8")
    assert text.replace(f"{LACKS}\\n\\n", "") == written, board.name
print(len(boards), packed.stat().st_size)
"""


def test_the_committed_boards_are_small_and_say_the_same(tmp_path: Path) -> None:
    command = [sys.executable, "-c", COMMITTED, FOLDER, tmp_path / "packed.xz"]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    count, size = map(int, printed.split())
    assert count == len(list(FOLDER.glob("*.json")))
    assert size < MOST


def test_a_packed_board_lacks_only_what_it_says(tmp_path: Path) -> None:
    boards = [_read(layered()), _read(board(seeds=4))]
    some = boards[1].rows[0]
    undefined = summary(np.array([np.nan, 0.1, 0.2, 0.6]) / 3)
    odd = Row.read(some.content() | {"scorer": "odd", "spearman": undefined, "parameters": {}}, "row")
    boards[1] = replace(boards[1], rows=[*boards[1].rows, odd])
    packed = tmp_path / "boards.xz"
    packed.write_bytes(pack([json.loads(each.to_json()) for each in boards]))
    for whole in boards:
        found = board_called(whole.name, packed)
        assert found is not None
        assert found.lacks == LACKS
        content, again = whole.content(), found.content()
        del again["lacks"]
        for record in (content["training"], *content["rows"]):
            record.pop("example", None)
        assert again["task"] == content["task"]
        assert again["recipe"] == content["recipe"]
        for (way, value), (there, packed_value) in zip(_leaves(content), _leaves(again), strict=True):
            assert there == way
            digits = next((DIGITS[key] for key in way if key in DIGITS), None)
            rounded = digits is not None and value is not None
            assert packed_value == (pytest.approx(value, rel=10 ** (1 - digits)) if rounded else value), way
    assert board_called("another", packed) is None


def _read(made: Board) -> Board:
    """As a JSON file has it: numbers of the same kinds, keys in the same order."""
    return Board.from_content(json.loads(made.to_json()), "made up")


def _leaves(value: Any, way: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(value, dict | list):
        for key, part in sorted(value.items()) if isinstance(value, dict) else enumerate(value):
            yield from _leaves(part, (*way, str(key)))
    else:
        yield way, value
