"""Scorers and scores of others in `run` and `sweep`: they stand on the board, or fail and harm no row."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from prunebench.leaderboard.locations import OWN as BOARDS
from prunebench.store.store import Store

PLUGIN = """
import os, time
import torch
import prunebench as pb

class Good(pb.Scorer):
    name = "good"
    alpha: float = 1.0
    def score(self, snapshot):
        return snapshot.networks.norms() ** self.alpha
"""
BAD = {
    "hangs": ("while True: time.sleep(1)", "did not end within 4 s; it was stopped (--scorer-timeout)"),
    "exits": ("os._exit(3)", "ended its process with exit code 3"),
    "stops": ("raise SystemExit('enough')", "SystemExit: enough"),
    "crashes": ("os.kill(os.getpid(), 11)", "ended by SIGSEGV"),
    "mutates": ("snapshot.networks.w_in.mul_(2); return snapshot.networks.norms()", "changed its snapshot"),
    "whole": ("return snapshot.networks.norms().argsort(dim=1)", "torch.int64"),
    "listed": ("return snapshot.networks.norms().tolist()", "returned list"),
    "device": ("return snapshot.networks.norms().to('meta')", "on meta"),
}


@pytest.fixture
def plugin(folder: Path) -> Path:
    text = PLUGIN + "".join(
        f"\nclass {name.capitalize()}(pb.Scorer):\n    name = '{name}'\n"
        f"    def score(self, snapshot):\n        {body}\n"
        for name, (body, _) in BAD.items()
    )
    (folder / "mine.py").write_text(text)
    return folder / "mine.py"


def test_whatever_a_scorer_does_is_its_own_rows_failure(quick: Any, plugin: Path) -> None:
    asked = ["magnitude", *BAD, "good[alpha=0.3]"]
    specs = [word for spec in asked for word in ("--scorer", spec)]
    result = quick("--plugin", "mine.py", *specs, "--scorer-timeout", "4", "--json")
    assert result.code == 0, result.err
    rows = {row["scorer"]: row for row in result.json["rows"]}
    assert set(rows) == {*asked, "random", "oracle", "twin"}
    for name, (_, error) in BAD.items():
        assert rows[name]["status"] == "failed"
        assert error in rows[name]["error"]
    alone = {row["scorer"]: row for row in quick("--scorer", "magnitude", "--json", "--force").json["rows"]}
    for name in ("magnitude", "random", "oracle", "twin"):
        assert rows[name]["spearman"] == alone[name]["spearman"]
    assert rows["good[alpha=0.3]"]["spearman"]["mean"] == pytest.approx(rows["magnitude"]["spearman"]["mean"])


@pytest.mark.parametrize(
    ("command", "plugins", "spec", "words"),
    [
        ("run", ["taken.py"], "magnitude", ["--plugin", "taken.py", "'magnitude' is taken by prunebench"]),
        ("sweep", ["mine.py", "taken.py"], "good", ["taken.py", "'magnitude' is taken by prunebench"]),
        ("run", ["mine.py", "copy.py"], "good", ["--plugin", "copy.py", "'good' is taken by mine.py"]),
        ("sweep", ["mine.py"], "copy.py:Good", ["--plugin", "copy.py", "'good' is taken by mine.py"]),
        ("run", [], "taken.py:Good", ["--plugin", "taken.py", "'magnitude' is taken by prunebench"]),
        ("run", ["broken.py"], "snip", ["--plugin", "broken.py", "it does not load: ModuleNotFoundError"]),
        ("sweep", [], "broken.py:Good", ["broken.py", "it does not load: ModuleNotFoundError"]),
        ("run", ["all.py"], "snip", ["--plugin", "all.py", "'all' stands for something else; rename it"]),
        (
            "run",
            [],
            "empty.py:Empty",
            ["--plugin", "empty.py", "Empty overrides neither score nor score_netw"],
        ),
        ("run", ["mine.py"], "lost", ["--scorer", "lost"]),
        ("run", [], "mine.py:Goof", ["--scorer", "mine.py:Goof", "did you mean 'Good'"]),
        ("run", [], "nowhere.py:Good", ["--plugin", "nowhere.py", "a Python file (.py) that exists"]),
    ],
)
def test_a_file_that_is_not_what_was_asked_for_ends_it_before_any_work(
    prunebench: Any, npz: Path, plugin: Path, folder: Path, command: str, plugins: Any, spec: str, words: Any
) -> None:
    (folder / "broken.py").write_text("import a_module_that_is_not_there")
    (folder / "taken.py").write_text(PLUGIN.replace('"good"', '"magnitude"'))
    (folder / "copy.py").write_text(PLUGIN)
    (folder / "all.py").write_text(PLUGIN.replace('"good"', '"all"'))
    (folder / "empty.py").write_text("import prunebench as pb\nclass Empty(pb.Scorer): name = 'empty'\n")
    (folder / "study.toml").write_text(f'[task]\ndataset = "{npz}"\n[run]\nscorers = ["{spec}"]\n')
    files = [word for file in plugins for word in ("--plugin", file)]
    asked = ["sweep", "study.toml"] if command == "sweep" else ["run", "--dataset", npz, "--scorer", spec]
    result = prunebench(*asked, *files)
    assert result.code == 2, result
    assert len(result.err.strip().splitlines()) == 1
    for word in words:
        assert word in result.err
    assert not (folder / ".prunebench").exists()
    assert not (folder / "leaderboards").exists()


def test_a_spec_may_name_its_file(quick: Any, plugin: Path, folder: Path) -> None:
    given = quick("--plugin", "mine.py", "--scorer", "good[alpha=0.3]", "--json", "--store", "other")
    named = quick("--scorer", "./mine.py:Good[alpha=0.3]", "--scorer", "mine.py:exits", "--json")
    assert named.code == 0, named
    rows = {row["scorer"]: row for row in named.json["rows"]}
    assert set(rows) == {"good[alpha=0.3]", "exits", "random", "oracle", "twin"}
    (row,) = (row for row in given.json["rows"] if row["scorer"] == "good[alpha=0.3]")
    assert rows["good[alpha=0.3]"]["spearman"] == row["spearman"]


def test_one_that_needs_the_initial_weights_alone_is_asked_once(quick: Any, folder: Path) -> None:
    (folder / "once.py").write_text(
        PLUGIN.replace('"good"', '"once"').replace("alpha: float = 1.0", "initial_only = True")
        .replace(" ** self.alpha", f" + (open({str(folder / 'asked')!r}, 'a').write('.') > 1)")
    )  # fmt: skip
    steps = [word for step in ("10", "20", "30") for word in ("--at-step", step)]
    result = quick("--plugin", "once.py", "--scorer", "once", *steps, "--json")
    rows = [row for row in result.json["rows"] if row["scorer"] == "once"]
    assert [row["status"] for row in rows] == ["ok"] * 3
    # And once with the labels of each network shuffled.
    assert (folder / "asked").read_text() == "." * (1 + len(rows[0]["seeds"]))


def test_a_study_with_scorers_of_others(prunebench: Any, npz: Path, plugin: Path, folder: Path) -> None:
    (folder / "study.toml").write_text(
        f'[task]\ndataset = "{npz}"\nsamples = 40\n'
        "[recipe]\nwidth = [8, 16]\nsteps = 60\ninit_std = 0.05\nlearning_rate = 0.02\n"
        '[run]\nscorers = ["mine.py:Good[alpha=0.3]", "hangs", "snip"]\nat_steps = [20]\nseeds = 2\n'
    )
    result = prunebench("sweep", "study.toml", "--plugin", "mine.py", "--scorer-timeout", "2")
    assert result.code == 0, result.err
    boards = [json.loads(path.read_text()) for path in (folder / BOARDS).glob("*.json")]
    assert len(boards) == 2
    for board in boards:
        rows = {row["scorer"]: row for row in board["rows"]}
        assert rows["snip"]["status"] == rows["good[alpha=0.3]"]["status"] == "ok"
        assert "did not end within 2 s" in rows["hangs"]["error"]


EDITS = """
import os
import prunebench as pb

class Edits(pb.Scorer):
    name = "edits"
    def score(self, snapshot):
        {body}
        return +1 * snapshot.networks.norms()
"""
CRASHES = """if snapshot.step == 10:
            text = open(__file__).read()
            open(__file__, "w").write(text.replace("+1 *", "-1 *").replace("== 10", "== 0"))
            os._exit(1)"""
LATE = """if snapshot.step == 10:
            folder = os.path.dirname(__file__)
            open(f"{folder}/my_late_helpers.py", "w").write("y = 2")
            import my_late_helpers"""


@pytest.mark.parametrize(("body", "failed"), [(CRASHES, "ended its process"), (LATE, "its code was changed")])
def test_code_that_is_edited_in_a_run_scores_under_no_other_hash(
    quick: Any, folder: Path, monkeypatch: pytest.MonkeyPatch, body: str, failed: str
) -> None:
    monkeypatch.syspath_prepend(str(folder))
    (folder / "my_late_helpers.py").write_text("x = 1")
    (folder / "edits.py").write_text(EDITS.format(body=body))
    asked = "--plugin", "edits.py", "--scorer", "edits", "--json"
    steps = [word for step in (10, 20, 50) for word in ("--at-step", str(step))]
    first = [row for row in quick(*asked, *steps).json["rows"] if row["scorer"] == "edits"]
    assert failed in first[0]["error"]
    for row in first[1:]:
        assert "its code was changed after it was loaded; run again" in row["error"]
    again = quick(*asked, *steps[2:])
    rows = [row for row in again.json["rows"] if row["scorer"] == "edits"]
    assert [row["status"] for row in rows] == ["ok", "ok"], again
    sign = -1 if body is CRASHES else 1
    assert all(row["spearman"]["mean"] * sign > 0 for row in rows)
    with Store(folder / ".prunebench", read_only=True) as store:
        kept = store.rows("SELECT DISTINCT source, error IS NULL FROM scorings WHERE scorer = 'edits'")
    assert sorted(well for _, well in kept) == [0, 1]
    assert len({source for source, _ in kept}) == 2


def test_scorers_that_come_with_prunebench_have_no_process_and_no_cost(
    quick: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a process was started")

    monkeypatch.setattr("prunebench.plugin.process.PluginProcess.start", refuse)
    assert quick("--scorer", "snip", "--json").code == 0
    assert quick("--scorer", "snip", "--scorer-timeout", "30", "--json", "--force").code == 1


@pytest.mark.parametrize("value", ["0", "-1", "soon"])
def test_time_limits_that_are_none(quick: Any, value: str) -> None:
    result = quick("--scorer-timeout", value)
    assert result.code == 2
    assert "--scorer-timeout" in result.err


# Scores that were computed elsewhere


def save(path: Path, **arrays: Any) -> Path:
    np.savez(path, **arrays)
    return path


@pytest.fixture
def scores() -> np.ndarray:
    return np.random.default_rng(1).normal(size=(3, 16))


def test_saved_scores_are_ranked_like_a_scorer(quick: Any, folder: Path, scores: np.ndarray) -> None:
    save(folder / "mine.npz", scores=scores, signs=np.sign(scores))
    save(folder / "single.npz", scores=scores.astype(np.float32))
    result = quick("--scores", "mine.npz", "--scores", "single.npz", "--at-step", "10", "--json")
    assert result.code == 0, result.err
    rows = {row["scorer"]: row for row in result.json["rows"]}
    assert rows["mine"]["status"] == rows["single"]["status"] == "ok"
    assert rows["mine"]["at_step"] == 10
    assert "sign_agreement" in rows["mine"]
    assert "sign_agreement" not in rows["single"]
    shown = quick("--scores", "mine.npz", "--at-step", "10")
    assert "│ mine" in shown.out
    assert "to compute: 0" in shown.err  # all of it is in the store


def test_the_scores_themselves_are_the_identity(quick: Any, folder: Path, scores: np.ndarray) -> None:
    """Other scores under the same name, or the same for other seeds, are other results."""

    def values(*arguments: str) -> tuple[str, list[float]]:
        rows = quick("--scores", "mine.npz", "--at-step", "10", "--json", *arguments).json["rows"]
        row = next(row for row in rows if row["scorer"] == "mine")
        return row["version"], row["spearman"]["per_seed"]

    save(folder / "mine.npz", scores=scores)
    first = values()
    assert values() == first
    other_seeds = values("--seeds", "2,1,0")
    assert other_seeds[0] != first[0]
    assert other_seeds[1] != pytest.approx(first[1][::-1])
    save(folder / "mine.npz", scores=-scores)
    assert values()[1] == pytest.approx([-value for value in first[1]])
    save(folder / "mine.npz", scores=scores)
    assert values() == first


def test_rows_are_the_seeds_in_their_order(quick: Any, folder: Path) -> None:
    """Where only some of the networks are new, each is still given its own row."""
    quick("--scorer", "magnitude", "--at-step", "10", "--seeds", "1", "--json")
    draw = np.random.default_rng(2).normal(size=(3, 16))
    save(folder / "mine.npz", scores=draw)
    both = quick("--scores", "mine.npz", "--at-step", "10", "--json").json["rows"]
    together = next(row for row in both if row["scorer"] == "mine")["spearman"]["per_seed"]
    for seed in range(3):
        save(folder / "mine.npz", scores=draw[[seed]])
        alone = quick("--scores", "mine.npz", "--at-step", "10", "--json", "--seeds", f"{seed}-{seed}").json
        row = next(row for row in alone["rows"] if row["scorer"] == "mine")
        assert row["spearman"]["per_seed"] == pytest.approx([together[seed]])


@pytest.mark.parametrize(
    ("name", "arrays", "words"),
    [
        ("mine", {"scores": np.ones((3, 15))}, ["(3, 15)", "(3, 16)", "each of the seeds"]),
        ("mine", {"scores": np.ones(16)}, ["(16,)"]),
        ("mine", {"other": np.ones((3, 16))}, ["it lacks scores"]),
        ("mine", {"scores": np.full((3, 16), np.nan)}, ["NaN or infinite"]),
        ("mine", {"scores": np.full((3, 16), 1e300)}, ["NaN or infinite"]),
        ("mine", {"scores": np.full((3, 16), "a")}, ["its scores are <U1; floating numbers are expected"]),
        ("mine", {"scores": np.arange(48).reshape(3, 16)}, ["are int64; floating numbers are expected"]),
        ("mine", {"scores": np.eye(3, 16) > 0}, ["are bool; floating numbers are expected"]),
        ("mine", {"scores": np.ones((3, 16)), "signs": np.full((3, 16), "a")}, ["numbers are needed"]),
        ("mine", {"scores": np.ones((3, 16)), "signs": np.ones(3)}, ["signs", "(3,)"]),
        ("mine", {"scores": np.array([{"a": 1}], dtype=object)}, ["pickled objects, which are never loaded"]),
        ("snip", {"scores": np.ones((3, 16))}, ["'snip' is taken by prunebench", "rename them"]),
        ("reinitialised", {"scores": np.ones((3, 16))}, ["'reinitialised' stands for something else"]),
        ("all", {"scores": np.ones((3, 16))}, ["'all' stands for something else"]),
        ("two words", {"scores": np.ones((3, 16))}, ["the file names the row"]),
    ],
)
def test_unfit_files_are_one_line(
    quick: Any, folder: Path, name: str, arrays: dict[str, np.ndarray], words: list[str]
) -> None:
    save(folder / f"{name}.npz", **arrays)
    result = quick("--scores", f"{name}.npz", "--at-step", "10")
    assert result.code == 2, result
    for word in ("--scores", f"{name}.npz", *words):
        assert word in result.err
    assert len(result.err.strip().splitlines()) == 1
    assert not (folder / BOARDS).exists()


def test_no_such_file_and_no_archive(quick: Any, folder: Path) -> None:
    (folder / "text.npz").write_text("scores")
    np.save(folder / "single.npy", np.ones((3, 16)))
    for name, words in (
        ("nothing.npz", "No such file"),
        ("text.npz", "no .npz file"),
        ("single.npy", "single array"),
    ):
        result = quick("--scores", name, "--at-step", "10")
        assert result.code == 2
        assert words in result.err


@pytest.mark.parametrize(
    "steps", [[], ["--at-step", "10", "--at-step", "20"], ["--at-step", "0", "--at-epoch", "1"]]
)
def test_scores_stand_for_one_step(quick: Any, folder: Path, scores: np.ndarray, steps: list[str]) -> None:
    save(folder / "mine.npz", scores=scores)
    result = quick("--scores", "mine.npz", *steps)
    assert result.code == 2
    assert "the one --at-step" in result.err
