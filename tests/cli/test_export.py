import csv
import io
import json
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from in_process import QUICK, Prunebench
from safetensors.torch import load_file

import prunebench as pb
from prunebench.store.export import ResultTable
from prunebench.store.formats import write_csv
from prunebench.training.bundle import read_bundle


@pytest.fixture
def snapshot(prunebench: Prunebench, npz: Path) -> Prunebench:
    return lambda *arguments: prunebench("export", "--snapshot", "--dataset", npz, *QUICK, *arguments)


def test_a_snapshot_holds_the_networks_that_run_scores(snapshot: Prunebench, npz: Path) -> None:
    result = snapshot("--at-step", "20", "--out", "a/snapshot.safetensors")
    assert (result.code, result.out) == (0, "")
    read = read_bundle(Path("a/snapshot.safetensors"))
    run = pb.train(read.task, read.recipe, seeds=range(3), snapshot_steps=(20,), device="cpu")
    assert (read.step, read.seeds, read.final) == (20, (0, 1, 2), None)
    for mine, trained in zip(read.networks.tensors.values(), run.snapshots[20].tensors.values(), strict=True):
        assert torch.equal(mine, trained)
    for mine, trained in zip(read.initial.tensors.values(), run.initial.tensors.values(), strict=True):
        assert torch.equal(mine, trained)
    task = pb.load_task(npz, samples=40)
    assert torch.equal(read.task.x_test, task.x_test)
    assert read.task.source["data_sha256"] == task.source["data_sha256"]
    order = load_file("a/snapshot.safetensors")["order"]
    assert torch.equal(order[1], pb.minibatch_order(40, 4, 120, seed=1))


def test_a_snapshot_takes_what_the_store_has_and_trains_the_rest(
    quick: Prunebench, snapshot: Prunebench
) -> None:
    quick("--at-step", "20")
    result = snapshot("--at-step", "20", "--seeds", "5", "--out", "five.safetensors")
    assert "in the store: 3 of 5 networks\ntrain 2 networks" in result.err
    again = snapshot("--at-step", "20", "--seeds", "5", "--out", "again.safetensors")
    assert "train" not in again.err
    first, second = (read_bundle(Path(name)) for name in ("five.safetensors", "again.safetensors"))
    for mine, other in zip(first.tensors(), second.tensors(), strict=True):
        assert torch.equal(mine, other)


def test_a_dry_run_of_a_snapshot_makes_nothing(snapshot: Prunebench, folder: Path) -> None:
    result = snapshot("--out", "snapshot.safetensors", "--dry-run")
    assert (result.code, list(folder.iterdir())) == (0, [])
    assert "train 3 networks of 16 neurons" in result.err


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--snapshot",), "--out: got None"),
        (("--snapshot", "--format", "csv", "--out", "x"), "--format: got 'csv'"),
        (("--snapshot", "--at-step", "121", "--out", "x"), "--at-step: got 121"),
        (("--format", "csv", "--width", "4"), "--width: got 4"),
    ],
)
def test_a_wrong_request_is_named_and_writes_nothing(
    prunebench: Prunebench, npz: Path, folder: Path, arguments: tuple[str, ...], named: str
) -> None:
    network = ("--dataset", npz, *QUICK) if "--snapshot" in arguments else ()
    result = prunebench("export", *arguments, *network)
    assert result.code == 2
    assert named in result.err
    assert result.err.count("\n") == 1
    assert list(folder.iterdir()) == []


# Results

PLUGIN = """
import prunebench as pb

class Raises(pb.Scorer):
    name = "raises"
    def score(self, snapshot):
        raise ValueError("=cmd|' /C calc'!A0")
"""


@pytest.fixture
def document(quick: Prunebench, folder: Path) -> Any:
    """A run with a scorer that fails, in the store."""
    (folder / "mine.py").write_text(PLUGIN)
    scorers = ("--scorer", "magnitude", "--scorer", "raises", "--plugin", "mine.py")
    return quick(*scorers, "--at-step", "0", "--at-step", "20", "--json").json


def read_csv(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_every_number_of_the_document_is_a_row(prunebench: Prunebench, document: Any) -> None:
    rows = prunebench("export", "--format", "json").json
    for expected in document["rows"]:
        mine = [r for r in rows if r["scorer"] == expected["scorer"] and r["at_step"] == expected["at_step"]]
        if expected["status"] != "ok":
            assert [(r["status"], r["error"], r["value"]) for r in mine] == [
                ("failed", expected["error"], None)
            ] * 3
            continue

        def values(protocol: str, metric: str, keep: float | None, mine: Any = mine) -> list[float]:
            found = [r for r in mine if (r["protocol"], r["metric"], r["keep"]) == (protocol, metric, keep)]
            seeds = sorted({r["seed"] for r in found})
            return [np.mean([r["value"] for r in found if r["seed"] == seed]) for seed in seeds]

        assert values("rank", "spearman", None) == pytest.approx(expected["spearman"]["per_seed"])
        for protocol in ("prune_final", "merge"):
            for keep, summary in expected["accuracy"][protocol].items():
                assert values(protocol, "accuracy", float(keep)) == pytest.approx(summary["per_seed"])
    dense = [r["value"] for r in rows if (r["protocol"], r["metric"]) == ("dense", "accuracy.dense")]
    assert dense == document["training"]["accuracy"]["dense"]["per_seed"]
    assert {r["scorer"] for r in rows if r["protocol"] == "dense"} == {None}
    for row in rows:
        assert "/" not in (row["metric"] or "")  # one spelling: that of `--metric`
        assert row["recipe_width"] == 16
        assert row["task_data_sha256"] == document["task"]["data_sha256"]
        assert row["made_utc"]
        assert row["made_torch"] == torch.__version__


def test_the_formats_say_the_same(prunebench: Prunebench, document: Any) -> None:
    of_json = prunebench("export", "--format", "json").json
    text = prunebench("export").out
    assert "nan" not in text.lower()
    for row, cells in zip(of_json, read_csv(text), strict=True):
        assert list(row) == list(cells)
        for name, value in row.items():
            expected = "" if value is None else value if isinstance(value, str) else json.dumps(value)
            assert cells[name].removeprefix("'") == expected or float(cells[name]) == value
    assert of_json[0]["task_classes"] == document["task"]["classes"]
    assert prunebench("export", "--format", "parquet", "--out", "r.parquet").out == ""
    frame = pd.read_parquet("r.parquet")
    assert frame["value"].dtype == np.float64
    assert frame["seed"].dtype == np.int64
    for row, record in zip(of_json, frame.to_dict("records"), strict=True):
        for name, value in record.items():
            missing = value is None or (isinstance(value, float) and math.isnan(value))
            kept = row[name] if isinstance(row[name], str | int | float | None) else json.dumps(row[name])
            assert kept == (None if missing else value)


def test_no_text_is_a_formula_to_a_spreadsheet(prunebench: Prunebench, document: Any) -> None:
    """Errors and names are anybody's; numbers stay numbers."""
    rows = read_csv(prunebench("export").out)
    for row in rows:
        for name, cell in row.items():
            if cell.startswith(("=", "+", "-", "@", "\t", "\r")):
                assert name == "value"
                float(cell)

    class Table(ResultTable):
        def __init__(self) -> None:
            self.columns = {"text": str, "number": float}

        def __iter__(self) -> Iterator[tuple[str, float | None]]:
            yield from [("=1+1", -1.5), ("@x", None), ("\t-", 2.0), ("a=b", 0.0)]

    file = io.StringIO()
    write_csv(Table(), file)
    assert file.getvalue() == "text,number\n'=1+1,-1.5\n'@x,\n'\\x09-,2.0\na=b,0.0\n"


def test_results_go_to_a_file_or_are_refused(
    prunebench: Prunebench, document: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert prunebench("export", "--out", "new/rows.csv").out == ""
    assert (folder / "new/rows.csv").read_text() == prunebench("export", "--format", "csv").out
    assert "--out: got None" in prunebench("export", "--format", "parquet").err
    result = prunebench("export", "--store", "nowhere")
    assert (result.code, result.out) == (2, "")
    assert "--store: got 'nowhere'" in result.err
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    result = prunebench("export", "--format", "parquet", "--out", "r.parquet")
    assert (result.code, (folder / "r.parquet").exists()) == (2, False)
    assert "prunebench[parquet]" in result.err


def test_a_training_that_failed_is_a_row(prunebench: Prunebench, folder: Path, npz: Path) -> None:
    (folder / "study.toml").write_text(
        f"""[task]\ndataset = "{npz}"\nsamples = 40\n[recipe]\nwidth = 16\nsteps = 120\n"""
        """learning_rate = 1000.0\ninit_std = 1.0\n[run]\nseeds = 3\n"""
    )
    assert prunebench("sweep", "study.toml", "--quiet").code == 1
    (row,) = prunebench("export", "--format", "json").json
    assert (row["status"], row["value"], row["seed"]) == ("failed", None, None)
    assert "diverged" in row["error"]
    assert row["recipe_learning_rate"] == 1000.0


def test_the_layers_of_a_network_and_its_spec_have_columns(prunebench: Prunebench, npz: Path) -> None:
    arguments = ("--dataset", npz, "--network", "mlp[widths=8-6]", "--samples", "40", "--steps", "10")
    asked = ("--seeds", "2", "--scorer", "magnitude", "--at-step", "0", "--protocol", "rank")
    ran = prunebench("run", *arguments, *asked, "--protocol", "prune_global", "--keep", "0.5", "--quiet")
    assert ran.code == 0, ran.err
    rows = prunebench("export", "--format", "json").json
    assert {row["recipe_network"] for row in rows} == {"mlp[widths=8-6]"}
    assert all(row["recipe_network_version"] and row["recipe_network_source"] for row in rows)
    layers = {row["layer"] for row in rows if row["metric"] == "spearman_by_layer"}
    assert len(layers) == 2
    assert all(row["layer"] is None for row in rows if row["metric"] != "spearman_by_layer")
    found = {row["metric"] for row in rows if row["protocol"] == "prune_global"}
    splits = ("accuracy", "train_accuracy")
    assert found == {*splits, *(f"{split}.prune_global_shuffled" for split in splits), "parameters_left"}


def test_an_empty_store_is_an_empty_table(prunebench: Prunebench) -> None:
    from prunebench.store.store import Store

    Store(Path(".prunebench")).close()
    assert prunebench("export", "--format", "json") == (0, "[]\n", "")
    assert read_csv(prunebench("export").out) == []
    assert prunebench("export", "--format", "parquet", "--out", "r.parquet").code == 0
    assert len(pd.read_parquet("r.parquet")) == 0


def test_what_was_changed_by_hand_is_left_out_and_said(prunebench: Prunebench, document: Any) -> None:
    from prunebench.store.store import Store

    before = len(prunebench("export", "--format", "json").json)
    with Store(Path(".prunebench")) as store, store.writing() as connection:
        connection.execute("UPDATE results SET metrics = '{\"spearman\": [1.0]}' WHERE protocol = 'rank'")
    result = prunebench("export", "--format", "json")
    assert len(result.json) < before
    assert "fail their checksum" in result.err
    assert all(row["protocol"] != "rank" for row in result.json)


@pytest.mark.parametrize(
    ("name", "begins"), [("all.json", "["), ("all.csv", "training,"), ("all", "training,")]
)
def test_the_format_is_as_the_file_ends(
    prunebench: Prunebench, document: Any, folder: Path, name: str, begins: str
) -> None:
    assert prunebench("export", "--out", name).code == 0
    assert (folder / name).read_text().startswith(begins)
    assert prunebench("export", "--out", name, "--format", "csv").code == 0
    assert (folder / name).read_text().startswith("training,")
