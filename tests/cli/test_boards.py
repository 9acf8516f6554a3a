"""A user's own boards and the published ones: two folders, never mixed."""

import json
from pathlib import Path
from typing import Any

import pytest
from made_up_boards import board

from prunebench.leaderboard.places import OWN, PUBLISHED, folder_to_read


@pytest.fixture
def published(folder: Path) -> Path:
    """A board in a folder like the repository's, with a scorer `good`."""
    (folder / PUBLISHED).mkdir()
    one = board()
    path = folder / PUBLISHED / f"{one.name}.json"
    path.write_text(one.to_json())
    return path


def test_a_run_leaves_published_boards_alone_and_cites_the_one_of_its_task(quick: Any, folder: Path) -> None:
    arguments = ("--scorer", "magnitude", "--at-step", "10", "--quiet")
    assert quick(*arguments, "--scorer", "snip", "--out", PUBLISHED, "--store", folder / "other").code == 0
    before = {path: path.read_bytes() for path in (folder / PUBLISHED).iterdir()}
    result = quick(*arguments)
    assert result.code == 0
    assert {path: path.read_bytes() for path in (folder / PUBLISHED).iterdir()} == before
    (own,) = (folder / OWN).glob("*.json")
    scorers = {row["scorer"] for row in json.loads(own.read_text())["rows"]}
    assert scorers == {"magnitude", "random", "oracle", "twin"}
    assert "snip" not in result.out
    board_line, cited = result.err.splitlines()[-2:]
    assert board_line == f"board: {OWN / own.name.replace('.json', '.md')} (and .json, .csv)"
    assert cited.endswith(f"with rows of its own: {PUBLISHED / own.name.replace('.json', '.md')}")
    another = quick(*arguments, "--task-seed", "1")
    assert "published" not in another.err


def test_published_boards_are_shown_while_there_are_none_of_ones_own(
    prunebench: Any, quick: Any, published: Path
) -> None:
    for arguments in (("leaderboard",), ("show", "good"), ("compare", "good", "fair")):
        result = prunebench(*arguments)
        assert result.code == 0, result
        assert "good" in result.out
        assert "These are the published boards, in leaderboards; your own will be in" in result.err
    quick("--scorer", "magnitude", "--at-step", "10", "--quiet")
    own = prunebench("leaderboard")
    assert "magnitude" in own.out
    assert "good" not in own.out
    assert own.err.strip().endswith("the published: --out leaderboards")
    named = prunebench("leaderboard", "--out", PUBLISHED)
    assert "good" in named.out
    assert named.err == ""
    assert prunebench("show", "good").code == 2


def test_published_boards_are_written_only_by_who_names_them(prunebench: Any, published: Path) -> None:
    refused = prunebench("leaderboard", "--rebuild")
    assert refused.code == 2
    assert str(OWN) in refused.err
    assert list(published.parent.iterdir()) == [published]
    assert prunebench("leaderboard", "--rebuild", "--out", PUBLISHED).code == 0
    assert published.with_suffix(".md").is_file()


def test_without_any_boards_the_line_says_how_to_make_one(prunebench: Any, folder: Path) -> None:
    assert folder_to_read(None) == OWN
    result = prunebench("leaderboard")
    assert result.code == 2
    assert result.err.strip().endswith("`prunebench run` makes one")
