"""Boards of anybody: one that is damaged harms no other, and what is written in one is only shown."""

import csv
import io
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from in_process import Prunebench
from made_up_boards import board
from markdown_it import MarkdownIt

import prunebench as pb

OUT = "boards"
HOSTILE = (
    "\x1b[2J=cmd|'!A1 [a](http://evil.example) ![b](http://evil.example/c.png) <script>alert(1)</script>"
)


def write(folder: Path, name: str, content: object) -> None:
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.json").write_text(content if isinstance(content, str) else json.dumps(content))


@pytest.fixture
def content() -> dict[str, Any]:
    return json.loads(board(seeds=4, steps=(0,)).to_json())


@pytest.fixture
def good(folder: Path) -> str:
    """A folder with a whole board; its name."""
    one = board(1, seeds=4, steps=(0,))
    write(folder / OUT, one.name, one.to_json())
    return one.name


def change(path: str, value: object) -> Callable[[dict[str, Any]], object]:
    """Puts a value at a place such as `rows.0.cost`; `...` takes the place out."""

    def changed(content: dict[str, Any]) -> object:
        *keys, last = (int(key) if key.isdigit() else key for key in path.split("."))
        part: Any = content
        for key in keys:
            part = part[key]
        if value is ...:
            del part[last]
        else:
            part[last] = value
        return content

    return changed


DAMAGES: dict[str, Callable[[dict[str, Any]], object]] = {
    "empty": lambda _: "",
    "cut off": lambda content: json.dumps(content)[:200],
    "deep": lambda _: "[" * 100_000,
    "another schema": change("schema", 99),
    "no task": change("task", ...),
    "no task's samples": change("task.samples", ...),
    "a recipe of text": change("recipe.init_std", "small"),
    "an infinite recipe": change("recipe.init_std", float("inf")),
    "no dense accuracy": change("training.accuracy", {}),
    "groups of text": change("training.groups", "many"),
    "rows of text": change("rows", "all"),
    "a row of text": change("rows.0", "alignment"),
    "no step": change("rows.0.at_step", ...),
    "a huge step": change("rows.0.at_step", 1e400),
    "cost of text": change("rows.0.cost.seconds", "<b>"),
    "a mean of text": change("rows.0.spearman.mean", "high"),
    "other seeds": change("rows.0.seeds", [1, 2]),
    "no seeds": change("rows.0.seeds", []),
    "numbers of text": change("rows.0.spearman.per_seed", ["a", "b", "c", "d"]),
    "a share of text": change("rows.0.accuracy.prune_final", {"half": {}}),
    "an error that is no text": change("rows.0.error", 5),
    "no number in what is not looked at": change("rows.0.environment", {"note": float("nan")}),
    "a network that no machine holds": change(
        "training.sizes", {"0.5": {"parameters": 10**400, "multiply_adds": 1}}
    ),
    "a mean that is infinite in %": change("rows.0.spearman.mean", 1e308),
}
# What is odd, but whole.
ODD: dict[str, Callable[[dict[str, Any]], object]] = {
    "no rows": change("rows", []),
    "no time": change("rows.0.environment", {"utc": 3}),
    "half a character": change("rows.0.environment", {"note": "\ud800 \x9b31m\u202e"}),
}
COMMANDS = {
    "table": ("leaderboard",),
    "csv": ("leaderboard", "--format", "csv"),
    "overview": ("leaderboard", "--overview"),
    "page": ("leaderboard", "--html", "page.html"),
    "show": ("show", "good"),
    "compare": ("compare", "good", "fair"),
    "rebuild": ("leaderboard", "--rebuild"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_board_is_named_and_the_others_are_shown(
    damage: str, content: dict[str, Any], good: str, folder: Path, prunebench: Prunebench
) -> None:
    write(folder / OUT, "broken", DAMAGES[damage](content))
    before = (folder / OUT / "broken.json").read_bytes()
    result = prunebench("leaderboard", "--overview", "--out", OUT)
    assert result.code == 1
    assert good in result.out
    line = result.err.strip()
    assert line.startswith("prunebench: left out: broken.json: ")
    assert "\n" not in line
    assert (folder / OUT / "broken.json").read_bytes() == before


@pytest.mark.parametrize("oddity", ODD)
@pytest.mark.parametrize("command", [*COMMANDS, "json"])
def test_an_odd_board_is_shown(
    oddity: str, command: str, content: dict[str, Any], folder: Path, prunebench: Prunebench
) -> None:
    name = board(seeds=4, steps=(0,)).name
    write(folder / OUT, name, ODD[oddity](content))
    commands = COMMANDS | {
        "json": ("leaderboard", name, "--format", "json"),
        "show": ("show", "good", "--json"),
    }
    result = prunebench(*commands[command], "--out", OUT)
    assert result.code == (2 if oddity == "no rows" and command in ("show", "compare") else 0), result.err
    assert not [sign for sign in ("\x9b", "\u202e", "\ud800") if sign in result.out + result.err]


def test_a_pipe_among_the_boards_is_named(good: str, folder: Path, prunebench: Prunebench) -> None:
    """Nobody writes into it: reading would wait for ever."""
    os.mkfifo(folder / OUT / "broken.json")
    result = prunebench("leaderboard", "--out", OUT)
    assert result.code == 1
    assert "left out: broken.json: cannot be read (no ordinary file)" in result.err


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_goes_on_without_a_damaged_board(
    command: str, content: dict[str, Any], good: str, folder: Path, prunebench: Prunebench
) -> None:
    write(folder / OUT, "broken", change("training.accuracy", {})(content))
    result = prunebench(*COMMANDS[command], "--out", OUT)
    assert result.code == 1
    assert "left out: broken.json: not a whole board (training accuracy dense is missing)" in result.err
    assert "Traceback" not in result.err
    assert result.out or "boards in" in result.err or (folder / "page.html").exists()


def test_a_damaged_board_of_another_name_does_not_matter(
    good: str, folder: Path, prunebench: Prunebench
) -> None:
    write(folder / OUT, "broken", "{")
    assert prunebench("leaderboard", good[:8], "--out", OUT).code == 0
    (folder / OUT / f"{good}.json").unlink()
    alone = prunebench("leaderboard", "--out", OUT)
    assert alone.code == 1
    assert "broken.json: not readable as JSON" in alone.err


def test_a_damaged_board_that_is_asked_for_is_named(good: str, folder: Path, prunebench: Prunebench) -> None:
    write(folder / OUT, "broken", "{")
    for asked in (("show", "snip", "--board", "bro"), ("leaderboard", "broken")):
        result = prunebench(*asked, "--out", OUT)
        assert (result.code, result.out) == (1, "")
        assert result.err.startswith("prunebench: broken.json: not readable as JSON")
    assert prunebench("leaderboard", "none", "--out", OUT).code == 2


def test_from_python_a_damaged_board_is_an_error(good: str, folder: Path) -> None:
    write(folder / OUT, "broken", "{")
    shutil.copytree(folder / OUT, folder / "leaderboards")
    for read in (
        lambda: pb.boards(folder / OUT),
        lambda: pb.read_board("broken", published=True),
        lambda: pb.read_board("", published=True),
    ):
        with pytest.raises(pb.PrunebenchError, match=r"^broken\.json: not readable as JSON"):
            read()
    assert pb.read_board(good, published=True).name == pb.read_board(good[:8], published=True).name == good


def test_an_unreadable_board_is_named(good: str, folder: Path, prunebench: Prunebench) -> None:
    (folder / OUT / "broken.json").mkdir()
    result = prunebench("leaderboard", "--out", OUT)
    assert result.code == 1
    assert "left out: broken.json: cannot be read (Is a directory)" in result.err


@pytest.mark.parametrize("command", [*COMMANDS, "markdown"])
def test_what_is_written_in_a_board_is_only_shown(
    command: str, content: dict[str, Any], folder: Path, prunebench: Prunebench
) -> None:
    for row in content["rows"]:
        row["command"] = row["environment"]["torch"] = row["version"] = HOSTILE
        if row["scorer"] == "good":
            row["name"] = row["scorer"] = HOSTILE
    failed = dict(content["rows"][0], scorer="failed", status="failed", error=HOSTILE)
    content["rows"].append(failed)
    content["task"]["name"] = HOSTILE
    del content["task"]["dataset"]
    write(folder / OUT, "hostile", content)
    words = COMMANDS.get(command, ("leaderboard", "--format", "markdown"))
    result = prunebench(*(HOSTILE if word == "good" else word for word in words), "--out", OUT)
    assert result.code == 0
    files = {file.suffix: file.read_text() for file in (folder / OUT).iterdir() if file.suffix != ".json"}
    tables = {"csv": files.get(".csv", ""), "markdown": files.get(".md", "")} | {command: result.out}
    assert not [text for text in (result.out, result.err, *files.values()) if "\x1b" in text]
    for text in (tables["markdown"], tables.get("overview", ""), files.get("README.md", "")):
        html = MarkdownIt("commonmark", {"html": True}).enable("table").render(text)
        assert "<script" not in html
        assert 'evil.example"' not in html
    cells = [cell for line in csv.reader(io.StringIO(tables["csv"])) for cell in line]
    assert not [cell for cell in cells if cell.startswith("=")]
    assert cells or command not in ("csv", "rebuild")
