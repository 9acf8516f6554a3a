import json
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest


def rows_of(folder: Path) -> list[dict[str, Any]]:
    (path,) = (folder / "leaderboards").glob("*.json")
    rows: list[dict[str, Any]] = json.loads(path.read_text())["rows"]
    return rows


def test_running_a_rows_command_gives_the_same_row(
    quick: Any, prunebench: Any, npz: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From a run of several scorers, steps and protocols that came in two parts."""
    plugin = folder / "my moved.py"
    plugin.write_text(
        "import prunebench as pb\n"
        "class Moved(pb.Scorer):\n"
        "    name = 'moved'\n"
        "    power: float = 1.0\n"
        "    def score(self, snapshot):\n"
        "        return (snapshot.networks.w_in - snapshot.initial.w_in).norm(dim=2) ** self.power\n"
    )
    typed = "--scorer moved[power=2] --scorer snip --at-step 10 --at-step 20 --seeds 2-4 --quiet"
    command = typed.split()
    # The record has the command line as it was typed, which a call in process does not have.
    monkeypatch.setattr("sys.argv", ["prunebench", "run", "--plugin", str(plugin), *command])
    assert quick("--plugin", str(plugin), *command).code == 0
    early = ["--protocol", "prune_early", "--keep", "0.5", "--keep", "0.1"]
    assert quick("--plugin", str(plugin), *command, *early).code == 0
    rows = {(row["scorer"], row["at_step"]): row for row in rows_of(folder)}
    assert {scorer for scorer, _ in rows} == {"moved[power=2]", "snip", "random", "oracle", "reinitialised"}
    monkeypatch.chdir(npz.parent)
    for (scorer, step), row in rows.items():
        if step == 20:
            words = shlex.split(row["command"])
            assert words[:2] == ["prunebench", "run"]
            again = prunebench(*words[1:], "--json", "--out", folder / "again", "--store", folder / "other")
            assert again.code == 0, again.err
            found = next(r for r in again.json["rows"] if (r["scorer"], r["at_step"]) == (scorer, step))
            assert_same(found, row)


def assert_same(found: Any, expected: Any, key: str = "") -> None:
    """All measured numbers; training in other batches may round the last digits of a float32."""
    if isinstance(expected, dict):
        own = {"command", "environment", "cost", "relative_time", "evaluator"}
        for name in set(expected) - own:
            assert_same(found[name], expected[name], name)
    elif isinstance(expected, float) or (isinstance(expected, list) and key in ("per_seed", "scores")):
        assert np.asarray(found, dtype=float) == pytest.approx(np.asarray(expected, dtype=float), abs=1e-3)
    else:
        assert found == expected, key


def test_every_format_is_printed(quick: Any, prunebench: Any, folder: Path) -> None:
    assert quick("--scorer", "snip", "--quiet").code == 0
    (path,) = (folder / "leaderboards").glob("*.json")
    for form, ending in (("json", ".json"), ("markdown", ".md"), ("csv", ".csv")):
        assert prunebench("leaderboard", "--format", form).out == path.with_suffix(ending).read_text()
    assert r"\begin{tabular}" in prunebench("leaderboard", "--format", "latex").out
    assert "## The boards" in prunebench("leaderboard", "--overview").out
    assert rows_of(folder)[0]["command"] in prunebench("show", "snip").out.replace("\n", "")


def test_rebuild(quick: Any, prunebench: Any, folder: Path) -> None:
    assert quick("--scorer", "snip", "--quiet").code == 0
    (path,) = (folder / "leaderboards").glob("*.md")
    text = path.read_text()
    path.unlink()
    result = prunebench("leaderboard", "--rebuild")
    assert (result.code, result.out) == (0, "")
    assert "4 files of 1 boards" in result.err
    assert path.read_text() == text
    (folder / "leaderboards" / "README.md").write_text("Mine.\n")
    assert "README.md has no overview" in prunebench("leaderboard", "--rebuild").err
    assert prunebench("leaderboard", "toy", "--rebuild").code == 2


@pytest.mark.parametrize("width", [60, 80, 120, 185])
def test_a_narrow_terminal_loses_columns_not_numbers(
    quick: Any, prunebench: Any, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    from rich.console import Console

    from prunebench.leaderboard import terminal

    assert quick("--scorer", "snip", "--quiet").code == 0
    monkeypatch.setattr(terminal, "console", lambda: Console(width=width, highlight=False))
    out = prunebench("leaderboard").out
    line = next(line for line in out.splitlines() if "│ snip " in line)
    assert len(line) <= width
    assert line.count("[") == line.count("]") == line.count("│") - 4
    assert ("In a wider terminal" in out) is (width < 120)
