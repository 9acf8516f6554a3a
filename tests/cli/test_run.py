import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from prunebench.leaderboard.locations import OWN as BOARDS

PLUGIN = """
import time
import torch
import prunebench as pb

class Constant(pb.Scorer):
    name = "constant"
    def score(self, snapshot):
        return torch.zeros_like(snapshot.networks.bias)

class Raises(pb.Scorer):
    name = "raises"
    def score(self, snapshot):
        raise ValueError("two\\nlines")

class Mutates(pb.Scorer):
    name = "mutates"
    def score(self, snapshot):
        snapshot.networks.w_in.mul_(2)
        return snapshot.networks.norms()
"""


def test_json_is_the_documented_schema_and_alone_on_stdout(quick: Any, folder: Path) -> None:
    result = quick("--scorer", "alignment", "--at-step", "10", "--json")
    assert result.code == 0
    document = result.json
    assert document["schema"] == 1
    assert {"task", "recipe", "environment", "rows"} <= set(document)
    row = document["rows"][0]
    assert (row["scorer"], row["version"], row["at_step"], row["status"], row["error"]) == (
        "alignment", "1", 10, "ok", None,
    )  # fmt: skip
    assert row["seeds"] == [0, 1, 2]
    for metric in ("spearman", "kendall", "spearman_within_groups"):
        assert set(row[metric]) >= {"mean", "low", "high", "per_seed"}
        assert len(row[metric]["per_seed"]) == 3
    assert set(row["top_k_overlap"]) == {"0.1", "0.2", "0.5"}
    assert set(row["accuracy"]) == {"dense", "prune_final", "merge"}
    assert set(row["accuracy"]["prune_final"]) == {"0.5", "0.2", "0.1", "0.05", "0.02", "0.01"}
    assert row["accuracy"]["merge"]["0.5"]["kept"] == 8
    assert row["cost"]["gradient_steps"] == 10
    assert row["cost"]["extra_gradient_steps"] == 0
    assert [r["scorer"] for r in document["rows"]] == ["alignment", "random", "oracle", "twin"]
    oracle = document["rows"][2]
    assert oracle["sees_end"]
    assert oracle["spearman"]["mean"] == pytest.approx(1)
    assert document["rows"][1]["spearman"]["band"]["low"] < document["rows"][1]["spearman"]["band"]["high"]


def test_table_board_and_joining(quick: Any, prunebench: Any, folder: Path) -> None:
    result = quick("--scorer", "alignment", "--at-step", "10")
    assert result.code == 0
    assert "alignment" in result.out
    assert "oracle †" in result.out
    quick("--scorer", "snip", "--scorer", "alignment", "--at-step", "10", "--at-epoch", "1")
    files = sorted((folder / BOARDS).iterdir())
    assert [f.suffix for f in files] == [".csv", ".json", ".md"]
    board = json.loads(files[1].read_text())
    keys = [(row["scorer"], row["at_step"]) for row in board["rows"]]
    assert keys == sorted(set(keys), key=lambda key: (key[1], key[0]))
    assert len(keys) == 5
    with files[0].open() as file:
        assert len(list(csv.reader(file))) == 6
    assert "| alignment" in files[2].read_text()
    shown = prunebench("leaderboard")
    assert shown.code == 0
    assert "snip" in shown.out
    detail = prunebench("show", "snip", "--at-step", "10")
    assert detail.code == 0
    assert "kendall" in detail.out


def test_at_epoch_is_the_step_at_its_end(quick: Any) -> None:
    document = quick("--at-epoch", "0", "--at-epoch", "2", "--json").json
    assert sorted({row["at_step"] for row in document["rows"]}) == [0, 20]


def test_default_step_is_50(quick: Any) -> None:
    assert {row["at_step"] for row in quick("--json").json["rows"]} == {50}


def test_same_command_same_numbers_and_a_seed_is_itself_in_any_batch(quick: Any) -> None:
    both, again, alone = (quick("--json", "--seeds", seeds).json["rows"][0] for seeds in ("0,7", "0,7", "7"))
    assert both["spearman"] == again["spearman"]
    assert alone["spearman"]["per_seed"][0] == pytest.approx(both["spearman"]["per_seed"][1], abs=0.05)


def test_failing_scorers_are_rows_and_leave_the_others_unharmed(quick: Any, folder: Path) -> None:
    plugin = folder / "bad.py"
    plugin.write_text(PLUGIN)
    scorers = [word for name in ("constant", "raises", "mutates", "magnitude") for word in ("--scorer", name)]
    result = quick("--plugin", plugin, *scorers, "--json")
    assert result.code == 0
    rows = {row["scorer"]: row for row in result.json["rows"]}
    assert rows["magnitude"]["status"] == "ok"
    assert "constant score" in rows["constant"]["error"]
    assert rows["raises"]["error"] == "ValueError: two lines (bad.py:14 in score)"
    assert "changed its snapshot" in rows["mutates"]["error"]
    assert "spearman" not in rows["constant"]
    alone = quick("--scorer", "magnitude", "--json").json["rows"][0]
    assert alone["spearman"] == rows["magnitude"]["spearman"]
    only = quick("--plugin", plugin, "--scorer", "raises")
    assert only.code == 1
    assert "ValueError: two lines" in only.out


def test_prune_early_says_what_it_will_do_and_brings_its_controls(quick: Any) -> None:
    result = quick("--at-step", "10", "--protocol", "prune_early", "--keep", "0.5", "--keep", "0.1", "--json")
    assert result.code == 0
    assert "prune_early: from each of 1 step, retrain" in result.err
    rows = {row["scorer"]: row for row in result.json["rows"]}
    assert set(rows) == {"alignment", "random", "oracle", "reinitialised"}
    for row in rows.values():
        assert set(row["accuracy"]["prune_early"]) == {"0.5", "0.1"}
        assert row["accuracy"]["prune_early"]["0.1"]["kept"] == 2


def expect_refusal(result: Any, folder: Path, *words: str) -> None:
    assert result.code == 2, result
    assert result.out == ""
    line = result.err.strip()
    assert "\n" not in line
    assert "Traceback" not in line
    for word in words:
        assert word in line
    assert not (folder / BOARDS).exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--scorer", "alignmnt"], ["--scorer", "'alignmnt'", "did you mean 'alignment'"]),
        (["--scorer", "imp[sparsty=0.5]"], ["sparsty", "sparsity=0.5"]),
        (["--scorer", "imp[sparsity=2]"], ["sparsity", "2"]),
        (["--scorer", "snip", "--scorer", "snip"], ["--scorer", "once"]),
        (["--dataset", "mnist5"], ["mnist5", "did you mean 'mnist"]),
        (["--dataset", "nowhere.npz"], ["nowhere.npz"]),
        (["--classes", "0,3/1,9"], ["--classes", "9"]),
        (["--classes", "0,3/3,1"], ["--classes", "3"]),
        (["--classes", "0,3"], ["--classes"]),
        (["--samples", "100000"], ["--samples", "100000"]),
        (["--samples", "-4"], ["--samples", "-4"]),
        (["--samples", "many"], ["--samples", "many"]),
        (["--batch-size", "41"], ["--batch-size", "41", "40"]),
        (["--batch-size", "0"], ["--batch-size", "0"]),
        (["--width", "0"], ["--width", "0"]),
        (["--width", "100000000000"], ["--width", "100000000000"]),
        (["--steps", "-1"], ["--steps", "-1"]),
        (["--init-std", "nan"], ["--init-std", "nan"]),
        (["--init-std", "-1"], ["--init-std", "-1"]),
        (["--learning-rate", "inf"], ["--learning-rate", "inf"]),
        (["--momentum", "1"], ["--momentum", "1"]),
        (["--seeds", "0"], ["--seeds", "0"]),
        (["--seeds", "1,1"], ["--seeds", "1,1"]),
        (["--seeds", "x"], ["--seeds", "x"]),
        (["--at-step", "121"], ["--at-step", "121", "120"]),
        (["--at-step", "-1"], ["--at-step", "-1"]),
        (["--at-epoch", "13"], ["--at-epoch", "13", "12 epochs"]),
        (["--keep", "1.5"], ["--keep", "1.5"]),
        (["--protocol", "prune"], ["--protocol", "prune", "prune_final"]),
        (["--scaling", "half"], ["scaling", "half", "symmetric"]),
        (["--device", "gpu"], ["--device", "gpu", "cuda"]),
        (["--until-loss", "0"], ["--until-loss", "0"]),
        (["--plugin", "nothing.py"], ["--plugin", "nothing.py"]),
        (["--tint", "red"], ["--tint"]),
    ],
)
def test_bad_requests_are_one_line_and_write_nothing(
    quick: Any, folder: Path, arguments: list[str], words: list[str]
) -> None:
    expect_refusal(quick(*arguments), folder, *words)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_cuda_asked_for_where_there_is_none(quick: Any, folder: Path) -> None:
    expect_refusal(quick("--device", "cuda"), folder, "--device", "cuda", "cpu")


def test_unwritable_output_folder(quick: Any, folder: Path) -> None:
    (folder / "taken").write_text("")
    result = quick("--out", folder / "taken" / "boards")
    assert result.code == 2
    assert "--out" in result.err
    assert len(result.err.strip().splitlines()) == 1


@pytest.mark.parametrize("damage", ["text", "truncated", "pickled", "nan", "constant", "missing"])
def test_bad_archives(prunebench: Any, npz: Path, folder: Path, damage: str) -> None:
    path = folder / "bad.npz"
    arrays = dict(np.load(npz))
    if damage == "nan":
        arrays["x_train"] = np.full(arrays["x_train"].shape, np.nan)
    elif damage == "constant":
        arrays["x_train"] = np.full(arrays["x_train"].shape, 7, dtype=np.uint8)
    elif damage == "missing":
        del arrays["y_test"]
    elif damage == "pickled":
        arrays["x_train"] = np.array([{"a": 1}], dtype=object)
    np.savez(path, **arrays)
    if damage == "text":
        path.write_text("not an archive")
    elif damage == "truncated":
        path.write_bytes(path.read_bytes()[:500])
    result = prunebench("run", "--dataset", path, "--samples", "40", "--steps", "100", "--seeds", "2")
    expect_refusal(result, folder)


def test_diverged_training_is_one_line_and_exit_code_1(quick: Any, folder: Path) -> None:
    result = quick("--learning-rate", "900", "--init-std", "50")
    assert result.code == 1
    assert "diverged" in result.err
    assert not list((folder / BOARDS).glob("*"))


def test_a_busy_machine_is_said_in_one_line(quick: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.getloadavg", lambda: (99.0, 0.0, 0.0))
    asked = ("--scorer", "random", "--at-step", "0", "--protocol", "rank")
    lines = [line for line in quick(*asked).err.splitlines() if "load average 99.0" in line]
    assert len(lines) == 1
    assert "load average" not in quick(*asked, "--quiet", "--force").err


def test_steps_scorers_and_protocols_with_commas_between_them(quick: Any) -> None:
    asked = ("--at-step", "0,10", "--scorer", "probe[steps=5,scorer=snip],snip", "--scorer", "magnitude")
    rows = quick(*asked, "--protocol", "rank", "--json").json["rows"]
    found = {(row["scorer"], row["at_step"]) for row in rows if not row["control"] and not row["sees_end"]}
    assert found == {
        (scorer, step) for scorer in ("probe[steps=5,scorer=snip]", "snip", "magnitude") for step in (0, 10)
    }
    refused = quick("--at-step", "0,,10")
    assert (refused.code, refused.err) == (
        2,
        "prunebench: --at-step: got ''; a whole number from 0 up is needed\n",
    )


def test_all_scorers_are_those_that_can_take_the_networks(prunebench: Any) -> None:
    asked = ("--network", "mlp[widths=4-4]", "--classes", "all", "--at-step", "0", "--protocol", "rank")
    shown = prunebench("run", "--scorer", "all", *asked, "--seeds", "2", "--dry-run").err
    assert "growing_mode" in shown
    assert "cluster_alignment" not in shown
    named = prunebench("run", "--scorer", "all,cluster_alignment", *asked, "--dry-run")
    assert named.code == 2
    assert named.err.startswith("prunebench: --scorer: got 'cluster_alignment'; it cannot take this")


def test_a_dry_run_has_no_json(quick: Any) -> None:
    refused = quick("--dry-run", "--json")
    assert (refused.code, refused.out) == (2, "")
    assert refused.err == (
        "prunebench: --json: it prints results, and --dry-run has none; leave one of them out\n"
    )
