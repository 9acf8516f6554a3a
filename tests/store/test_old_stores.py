"""Stores that older versions wrote open, join and rebuild to equal numbers."""

import csv
import json
import zipfile
from pathlib import Path

import pytest

import prunebench as pb
from prunebench.benchmark.plan import Plan
from prunebench.benchmark.run import run_plan
from prunebench.store import reference
from prunebench.store.absorb import absorb
from prunebench.store.database import FILE
from prunebench.store.export import ResultTable, flat
from prunebench.store.integrity import find_damage
from prunebench.store.inventory import take_inventory
from prunebench.store.records import FINAL, Measure
from prunebench.store.store import Store
from prunebench.store.tables import FailureRow

# Of commit 1c1240d, schema 2: two trainings, one that failed; beside it what it exported, and its board.
OLD = Path(__file__).parent / "data" / "store-1c1240d.zip"


@pytest.fixture
def old(tmp_path: Path) -> Path:
    with zipfile.ZipFile(OLD) as archive:
        archive.extractall(tmp_path / "old")
    return tmp_path / "old"


def exported(store: Store) -> list[dict[str, str]]:
    table = ResultTable(store)
    columns = table.columns.items()
    rows = [
        {n: "" if c is None else str(flat(c, kind)) for c, (n, kind) in zip(row, columns, strict=True)}
        for row in table
    ]
    assert table.damaged == 0
    # Columns of later versions: these have one layer, no settings, and nobody counted what their scores cost.
    assert {row.pop(name) for row in rows for name in ("layer", "settings", "sample_gradients")} == {""}
    return rows


def kept(old: Path) -> list[dict[str, str]]:
    """What it exported, with metrics called as they are now, and as `--metric` takes them."""
    with (old / "export.csv").open(newline="", encoding="utf-8") as file:
        return [row | {"metric": row["metric"].replace("/", ".")} for row in csv.DictReader(file)]


def test_a_reader_sees_what_was_written_and_changes_nothing(old: Path) -> None:
    before = (old / FILE).read_bytes()
    with Store(old, read_only=True) as store:
        assert exported(store) == kept(old)
        assert list(find_damage(store, files=True)) == []
    assert (old / FILE).read_bytes() == before


def test_it_is_brought_up_to_date_and_joins_another_store(old: Path, tmp_path: Path) -> None:
    for _ in range(2):
        with Store(old) as store:
            assert exported(store) == kept(old)
            assert list(find_damage(store, files=True)) == []
            trainings = [name for (name,) in store.rows("SELECT id FROM trainings")]
            assert [name for name in trainings if store.find(FailureRow, name)] != []
    with Store(tmp_path / "new") as new, Store(old, read_only=True) as store:
        merged = absorb(new, store)
        assert (merged.networks, merged.results, merged.damaged) == (4, 28, [])
        failed = {row["training"] for row in kept(old) if row["status"] == "failed"}
        assert exported(new) == [row for row in kept(old) if row["training"] not in failed]


def test_its_board_is_rebuilt_to_equal_numbers(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks are read, not trained; what newer scorers and evaluators compute anew comes out the same."""
    monkeypatch.setattr(reference, "train", None)
    monkeypatch.setattr(reference, "run_loop", None)
    board = json.loads((old / "board.json").read_text())
    plan = Plan(
        pb.load_task("digits", samples=board["task"]["samples"]),
        pb.Recipe(**board["recipe"]),
        [pb.load_scorer("magnitude")],
        (10,),
        (0, 1),
        protocols=("rank", "prune_final", "merge", "prune_early"),
        fractions=(0.5,),
        device="cpu",
    )
    with Store(old) as store:
        there = take_inventory(store, plan.training, board["evaluator"])
        assert there.steps == {0: {10, FINAL}, 1: {10, FINAL}}
        scorings = there.scorings
        document = run_plan(plan, store=store).content()
    (row,) = [row for row in document["rows"] if row["scorer"] == "magnitude"]
    (before,) = [row for row in board["rows"] if row["scorer"] == "magnitude"]
    for measure in ("spearman", "kendall"):
        assert row[measure]["per_seed"] == pytest.approx(before[measure]["per_seed"], abs=1e-6)
    assert document["training"]["example"] == board["training"]["example"]
    # A newer evaluator may call other accuracies right: the old one's are read as they were.
    (key,) = {key for key, _ in scorings if key.scorer == "magnitude"}
    for protocol in ("prune_final", "merge", "prune_early"):
        path = f"accuracy/{protocol}/0.5"
        kept = [scorings[key, seed].results[Measure(protocol, "0.5")][path][0] for seed in plan.seeds]
        assert kept == before["accuracy"][protocol]["0.5"]["per_seed"]
