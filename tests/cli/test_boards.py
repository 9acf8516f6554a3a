"""A user's own boards and the published ones: in two places, never mixed."""

import json
from pathlib import Path
from typing import Any

import pytest
from made_up_boards import board

import prunebench as pb
from prunebench.leaderboard import archive, locations
from prunebench.leaderboard.locations import OWN, folder_to_read

PUBLISHED = "leaderboards"


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
    assert cited.endswith(f"with rows of its own: prunebench leaderboard {own.stem} --published")
    another = quick(*arguments, "--task-seed", "1")
    assert "published" not in another.err


def test_published_boards_are_shown_while_there_are_none_of_ones_own(
    prunebench: Any, quick: Any, published: Path
) -> None:
    for arguments in (("leaderboard",), ("show", "good"), ("compare", "good", "fair")):
        result = prunebench(*arguments)
        assert result.code == 0, result
        assert "good" in result.out
        assert "These are the published boards; your own will be in" in result.err
    quick("--scorer", "magnitude", "--at-step", "10", "--quiet")
    own = prunebench("leaderboard")
    assert "magnitude" in own.out
    assert "good" not in own.out
    assert own.err.strip().endswith("the published: --published")
    for named in (("--out", PUBLISHED), ("--published",)):
        result = prunebench("leaderboard", *named)
        assert "good" in result.out
        assert result.err == ""
    named = prunebench("leaderboard", published.stem)
    assert named.code == 2
    assert "it is a published one (--published); boards here: toy" in named.err
    both = prunebench("leaderboard", "--published", "--out", PUBLISHED)
    assert both.code == 2
    assert both.err.strip().endswith("--out: got 'leaderboards'; either a folder or the published boards")
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


def test_an_installed_package_has_them_in_one_file(
    prunebench: Any, published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_a_clone = prunebench("show", "good", "--at-step", "50")
    name = published.stem
    packed = published.parents[1] / "published.json.xz"
    packed.write_bytes(archive.pack([json.loads(published.read_text())]))
    published.unlink()
    monkeypatch.setattr(locations, "_PUBLISHED", packed)
    assert prunebench("show", "good", "--at-step", "50").out == of_a_clone.out
    shown = prunebench("leaderboard", name[:8])
    assert shown.code == 0
    assert " ".join(archive.LACKS.split()[:5]) in " ".join(shown.out.split())
    assert [each.name for each in pb.boards()] == [name]
    assert pb.read_board(name[:8], published=True).lacks == archive.LACKS
    assert prunebench("compare", name, name).code == 0
    assert prunebench("leaderboard", "--published", "--rebuild").code == 2  # there is no folder to write to
    packed.write_bytes(b"no archive")
    damaged = prunebench("leaderboard")
    assert damaged.code == 2
    assert "a file that boards were packed in" in damaged.err
