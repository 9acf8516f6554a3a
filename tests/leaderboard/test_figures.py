import sys
from pathlib import Path

import pytest
from made_up_boards import layered
from page_boards import HOSTILE, board

from prunebench.errors import RequestError
from prunebench.leaderboard.figures import draw

NAMES = {"standing", "cost", "time", "kept_step0", "scatter_step0"}


def drawn(folder: Path, *boards: object) -> dict[str, bytes]:
    folder.mkdir()
    paths = list(draw(boards, folder))  # type: ignore[arg-type]
    assert all(path.with_suffix(".png").stat().st_size > 5000 for path in paths)
    return {path.name: path.with_suffix(".svg").read_bytes() for path in paths}


def test_every_chart_is_drawn_and_equal_boards_give_equal_bytes(tmp_path: Path) -> None:
    first = drawn(tmp_path / "a", board(steps=(0,)))
    assert set(first) == NAMES
    assert drawn(tmp_path / "b", board(steps=(0,))) == first
    assert b"dc:date" not in b"".join(first.values())


def test_names_are_text_and_boards_without_an_example_have_no_scatter(tmp_path: Path) -> None:
    figures = drawn(tmp_path / "a", board(steps=(0,), scorers=(*HOSTILE, "$\\frac{", "日本"), example=False))
    assert set(figures) == NAMES - {"scatter_step0"}


def test_a_board_whose_scorers_all_failed_can_be_drawn(tmp_path: Path) -> None:
    failed = board(steps=(0,), example=False)
    failed.rows = [row for row in failed.rows if row.status != "ok"]
    assert drawn(tmp_path / "a", failed) == {}


def test_without_matplotlib_one_line_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(RequestError, match=r"pip install prunebench\[figures\]"):
        list(draw([board()], tmp_path))


def test_a_layered_board_is_drawn_layer_by_layer(tmp_path: Path) -> None:
    deep = {f"stage{i}.block.conv": 8 for i in range(12)}
    figures = drawn(tmp_path / "a", layered(steps=(0,)), layered(1, steps=(0,), layers=deep))
    assert set(figures) == NAMES | {"layers_step0"}
