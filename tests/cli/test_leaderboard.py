import csv
import io
import json
import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_up_boards import board, row
from msgspec.structs import replace
from rich.console import Console

from prunebench.leaderboard.locations import OWN as BOARDS


def rows_of(folder: Path) -> list[dict[str, Any]]:
    (path,) = (folder / BOARDS).glob("*.json")
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
    typed = "--scorer moved[power=2] --scorer snip --at-step 10 --at-step 20 --seeds 2-3 --quiet"
    command = typed.split()
    # The record has the command line as it was typed, which a call in process does not have.
    monkeypatch.setattr("sys.argv", ["prunebench", "run", "--plugin", str(plugin), *command])
    assert quick("--plugin", str(plugin), *command).code == 0
    early = ["--protocol", "prune_early", "--keep", "0.5", "--keep", "0.1"]
    assert quick("--plugin", str(plugin), *command, *early).code == 0
    rows = {(row["scorer"], row["at_step"]): row for row in rows_of(folder)}
    controls = {"random", "oracle", "twin", "reinitialised"}
    assert {scorer for scorer, _ in rows} == {"moved[power=2.0]", "snip", *controls}
    monkeypatch.chdir(npz.parent)
    for key in (("moved[power=2.0]", 20), ("reinitialised", 10), ("twin", 10)):
        words = shlex.split(rows[key]["command"])
        assert words[:2] == ["prunebench", "run"]
        again = prunebench(*words[1:], "--json", "--out", folder / "again", "--store", folder / "other")
        assert again.code == 0, again.err
        found = next(row for row in again.json["rows"] if (row["scorer"], row["at_step"]) == key)
        assert_same(found, rows[key])


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


@pytest.fixture
def made(folder: Path) -> Path:
    """The record of a board, alone in its folder."""
    (folder / BOARDS).mkdir(parents=True)
    one = board()
    path = folder / BOARDS / f"{one.name}.json"
    path.write_text(one.to_json())
    return path


def test_every_format_is_printed(prunebench: Any, made: Path) -> None:
    prunebench("leaderboard", "--rebuild")
    for form, ending in (("json", ".json"), ("markdown", ".md"), ("csv", ".csv")):
        assert prunebench("leaderboard", "--format", form).out == made.with_suffix(ending).read_text()
    assert r"\begin{tabular}" in prunebench("leaderboard", "--format", "latex").out
    chosen = ("--metric", "pruned to 10 %", "--at-step", "50", "--top", "2", "--scorer", "good,random")
    few = prunebench("leaderboard", "--format", "latex", *chosen)
    assert (few.code, few.out.count("50 & ")) == (0, 2)
    refused = prunebench("leaderboard", "--format", "csv", *chosen)
    assert (refused.code, "choose what tables and LaTeX show" in refused.err) == (2, True)
    assert "## The boards" in prunebench("leaderboard", "--overview").out
    assert "prunebench run --scorer good --at-step 0" in prunebench("show", "good", "--at-step", "0").out


ROOT = Path(__file__).parents[2]


def test_several_boards_are_one_file_of_a_format(prunebench: Any) -> None:
    """That a parser reads: a table with the columns of all, a list of the records."""
    of_two = "leaderboard", "mnist5k_n1000_l", "--out", ROOT / "leaderboards", "--format"
    rows = list(csv.DictReader(io.StringIO(prunebench(*of_two, "csv").out)))
    found = {record["name"]: record for record in json.loads(prunebench(*of_two, "json").out)}
    assert len(found) == 2
    for name, record in found.items():
        own = [line for line in rows if line["board"] == name]
        assert len(own) == len(record["rows"])
        alone = csv.DictReader((ROOT / "leaderboards" / f"{name}.csv").read_text("utf-8").splitlines())
        for line, cells in zip(own, alone, strict=True):
            assert line == dict.fromkeys(line, "") | cells


README = re.findall(r"^    prunebench (leaderboard[^#\n]*)", (ROOT / "README.md").read_text("utf-8"), re.M)


@pytest.mark.parametrize("words", [line for line in README if not re.search("--(html|site|figures)", line)])
def test_the_readmes_tables_are_there(prunebench: Any, words: str) -> None:
    """Of the published boards, as a newcomer has no others."""
    shown = prunebench(*shlex.split(words), "--out", ROOT / "leaderboards")
    assert (shown.code, "growing_mode" in shown.out) == (0, True), shown.err


def test_boards_without_such_rows_are_left_out(prunebench: Any, made: Path) -> None:
    values = np.array([0.5, 0.6])
    other = replace(board(), rows=[row("late", 100, values)], task=replace(board().task, fingerprint="other"))
    (made.parent / f"{other.name}.json").write_text(other.to_json())
    both = prunebench("leaderboard", "mnist5k")
    assert (both.code, "late" in both.out, "good" in both.out) == (0, True, True)
    late = prunebench("leaderboard", "mnist5k", "--at-step", "100")
    assert (late.code, "late" in late.out, "good" in late.out) == (0, True, False)
    assert "left out: 1 board without such rows" in late.err
    unknown = prunebench("leaderboard", "mnist5k", "--at-step", "7")
    steps = re.search(r"--at-step: got '7'; steps with results here: (.*)", unknown.err)
    assert (unknown.code, steps and steps[1]) == (2, "0, 50, 100")
    none = prunebench("leaderboard", "mnist5k", "--at-step", "100", "--scorer", "good")
    assert (none.code, "--at-step: got '100'; no row here is of all" in none.err) == (2, True)


def test_rebuild(prunebench: Any, made: Path) -> None:
    result = prunebench("leaderboard", "--rebuild")
    assert (result.code, result.out) == (0, "")
    assert "4 files of 1 boards" in result.err
    assert sorted(path.suffix for path in made.parent.iterdir()) == [".csv", ".json", ".md", ".md"]
    (made.parent / "README.md").write_text("Mine.\n")
    assert "README.md has no overview" in prunebench("leaderboard", "--rebuild").err
    assert prunebench("leaderboard", "mnist", "--rebuild").code == 2


def test_how_to_cite_the_boards_that_are_shown(prunebench: Any, made: Path) -> None:
    cited = prunebench("leaderboard", "--cite").out
    entries = [line for line in cited.splitlines() if line.startswith("@misc{")]
    assert entries[0].startswith("@misc{prunebench-mnist5k-n800")
    assert entries[1:] == ["@misc{prunebench,", "@misc{prunebench-paper,"]


@pytest.mark.parametrize("width", [60, 80, 120, 185])
def test_a_narrow_terminal_loses_columns_not_numbers(
    prunebench: Any, made: Path, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    monkeypatch.setattr("prunebench.console.console", lambda: Console(width=width, highlight=False))
    out = prunebench("leaderboard").out
    line = next(line for line in out.splitlines() if "│ good " in line)
    assert len(line) <= width
    assert line.count("[") == line.count("]") == line.count("│") - 4
    assert ("In a wider terminal" in out) is (width < 80)


def test_what_was_asked_for_stays_in_a_narrow_terminal_and_the_cost_goes(
    prunebench: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    priced = {"gradient_steps": 0, "extra_gradient_steps": 0, "seconds": 0.01, "sample_gradients": 1600.0}
    one = board(steps=(0,))
    one.rows += [row("priced", 0, np.linspace(0.5, 0.7, 20), cost=priced)]
    (folder / "boards").mkdir()
    (folder / "boards" / f"{one.name}.json").write_text(one.to_json())
    for width, there in ((70, False), (120, True)):
        monkeypatch.setattr(
            "prunebench.console.console", lambda width=width: Console(width=width, highlight=False)
        )
        asked = ("--metric", "kendall", "--metric", "spearman", "--out", "boards")
        head = next(
            line for line in prunebench("leaderboard", one.name, *asked).out.splitlines() if "┃" in line
        )
        assert "Kendall" in head
        assert "Spearman" in head
        assert ("cost" in head) is there


def test_the_metric_that_was_asked_for_is_shown_at_any_width(
    prunebench: Any, made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("prunebench.console.console", lambda: Console(width=30, highlight=False))
    lines = prunebench("leaderboard", "--metric", "pruned to 10 %").out.splitlines()
    assert "10 %" in "".join(line for line in lines if "┃" in line)


def test_a_name_as_wide_as_the_terminal_leaves_room_for_the_numbers(
    prunebench: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = board(effects={"x" * 90: 0.3, "random": 0.0}, steps=(0,))
    (folder / "boards").mkdir()
    (folder / "boards" / f"{one.name}.json").write_text(one.to_json())
    monkeypatch.setattr("prunebench.console.console", lambda: Console(width=80, highlight=False))
    table = [line for line in prunebench("leaderboard", "--out", "boards").out.splitlines() if "│" in line]
    assert "".join(table).count("x") == 90, "the whole name"
    assert sum(line.count("[") == line.count("]") == 1 for line in table) == 2
    assert "…" not in "".join(table)
