"""Contents of somebody else's files can execute nothing and write nowhere outside their folder."""

import json
import os
import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import prunebench as pb
from prunebench.benchmark.plan import Plan
from prunebench.benchmark.run import run_plan
from prunebench.evaluation.metrics import EVALUATOR_VERSION
from prunebench.store.absorb import absorb
from prunebench.store.database import row_digest
from prunebench.store.identity import digest
from prunebench.store.network_files import Damaged, unpack
from prunebench.store.store import Store
from prunebench.store.tables import EnvironmentRow
from prunebench.sweep.study import read_study
from prunebench.training.bundle import FORMAT, bundle_bytes, read_bundle


@pytest.fixture
def theirs(tmp_path: Path, task: pb.Task, recipe: pb.Recipe, open_store) -> Store:
    plan = Plan(task, recipe, [pb.load_scorer("magnitude")], (15,), (0, 1), device="cpu", fractions=(0.5,))
    store = open_store(tmp_path / "theirs")
    run_plan(plan, store=store)
    return store


def files_of(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def change(store: Store, statement: str, *values: Any) -> None:
    with store.writing() as connection:
        connection.execute("PRAGMA defer_foreign_keys = ON")
        assert connection.execute(statement, values).rowcount > 0


@pytest.mark.parametrize("name", ["../../../escaped", "/tmp/escaped", "a" * 31, "A" * 32, b"\\xff" * 16])
def test_a_training_under_another_name_is_left_out(theirs: Store, tmp_path: Path, name: Any) -> None:
    with theirs.writing() as connection:
        for table in ("networks", "scorings"):
            connection.execute(f"DELETE FROM {table}")
    change(theirs, "UPDATE trainings SET id = ?", name)
    before = files_of(tmp_path)
    with Store(tmp_path / "mine") as mine:
        merged = absorb(mine, theirs)
        assert mine.rows("SELECT * FROM trainings") == []
    assert merged.damaged == [f"training {name!r}"]
    assert {
        name for name in files_of(tmp_path) - before if not name.startswith("mine/results.sqlite")
    } == set()


@pytest.mark.parametrize(
    ("column", "value"),
    [("seed", "../../../../escaped"), ("step", "x/../../../escaped"), ("sha256", "../../../escaped" * 4)],
)
def test_no_path_is_made_of_what_a_networks_row_says(
    theirs: Store, tmp_path: Path, column: str, value: str
) -> None:
    """Even with a checksum that fits."""
    row = theirs.rows("SELECT training, seed, step, sha256, seconds, curves FROM networks LIMIT 1")[0]
    values = dict(zip(("training", "seed", "step", "sha256", "seconds", "curves"), row, strict=True))
    values[column] = value
    change(
        theirs,
        f"UPDATE networks SET {column} = ?, checksum = ? WHERE training = ? AND seed = ? AND step = ?",
        *(value, row_digest(*values.values()), *row[:3]),
    )
    with Store(tmp_path / "mine") as mine:
        merged = absorb(mine, theirs)
    assert len(merged.damaged) == 1
    assert merged.networks == 3
    assert not [name for name in files_of(tmp_path) if "escaped" in name]


@pytest.mark.parametrize(
    "metrics",
    ['{"spearman": [NaN]}', '{"spearman": ["=1+1"]}', '{"spearman": 1}', "[]", "nonsense", "[" * 9999],
)
def test_a_result_that_is_no_numbers_is_left_out(theirs: Store, tmp_path: Path, metrics: str) -> None:
    training, seed, *names, number = theirs.rows(
        "SELECT training, seed, step, scorer, version, source, scoring FROM scorings JOIN results "
        "ON scoring = id WHERE scorer = 'magnitude' AND protocol = 'rank'"
    )[0]
    checksum = row_digest(training, seed, *names, "rank", "", EVALUATOR_VERSION, metrics)
    change(
        theirs,
        "UPDATE results SET metrics = ?, checksum = ? WHERE scoring = ? AND protocol = 'rank'",
        *(metrics, checksum, number),
    )
    with Store(tmp_path / "mine") as mine:
        merged = absorb(mine, theirs)
        (found,) = mine.rows("SELECT count(*) FROM results")[0]
    assert len(merged.damaged) == 1
    assert "rank of magnitude at step 15" in merged.damaged[0]
    assert found == merged.results == theirs.rows("SELECT count(*) FROM results")[0][0] - 1


def test_a_recipe_under_anothers_id_is_left_out(theirs: Store, tmp_path: Path) -> None:
    """Results of one training cannot pass for another's."""
    (text,) = theirs.rows("SELECT recipe FROM trainings")[0]
    change(theirs, "UPDATE trainings SET recipe = ?", json.dumps(json.loads(text) | {"learning_rate": 0.5}))
    with Store(tmp_path / "mine") as mine:
        merged = absorb(mine, theirs)
        assert mine.rows("SELECT * FROM trainings") == []
    assert merged.damaged[0].startswith("training ")


def test_a_network_with_other_content_is_left_out(theirs: Store, tmp_path: Path) -> None:
    file = next((tmp_path / "theirs" / "networks").rglob("*.safetensors"))
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    with Store(tmp_path / "mine") as mine:
        merged = absorb(mine, theirs)
    assert merged.networks == 3
    assert file.name in merged.damaged[0]


def header(described: dict[str, Any], body: bytes = b"") -> bytes:
    text = json.dumps(described).encode()
    return struct.pack("<Q", len(text)) + text + body


SAFETENSORS = {
    "nothing": b"",
    "text": b"this is not a file of tensors",
    "a header of 2^60 bytes": struct.pack("<Q", 2**60) + b"{}",
    "tensors beyond the end": header({"w_in": {"dtype": "F32", "shape": [4, 4], "data_offsets": [0, 64]}}),
    "a shape that overflows": header(
        {"w_in": {"dtype": "F32", "shape": [2**62, 8], "data_offsets": [0, 8]}}, b"\\0" * 8
    ),
    "a negative offset": header({"w_in": {"dtype": "F32", "shape": [1], "data_offsets": [-4, 0]}}),
    "a pickle": pickle.dumps({"w_in": 1}),
    "whole numbers": header({"w_in": {"dtype": "I64", "shape": [1], "data_offsets": [0, 8]}}, b"\\0" * 8),
}


@pytest.mark.parametrize("kind", SAFETENSORS)
def test_safetensors_that_are_none_are_refused(tmp_path: Path, kind: str) -> None:
    with pytest.raises(Damaged):
        unpack(SAFETENSORS[kind], 0)
    path = tmp_path / "snapshot.safetensors"
    path.write_bytes(SAFETENSORS[kind])
    with pytest.raises(pb.RequestError, match="snapshot"):
        read_bundle(path)


@pytest.mark.parametrize(
    "change",
    [
        {"recipe": "{}x"},
        {"recipe": '{"width": -1}'},
        {"recipe": '{"__class__": "os.system"}'},
        {"task": "[]"},
        {"task": "5"},
        {"task": "null"},
        {"task": '{"name": 3, "x_train": 1}'},
        {"step": "one"},
        {"task": "[" * 10_000},
    ],
)
def test_a_snapshot_with_other_metadata_is_refused(
    tmp_path: Path, run: pb.Trajectory, change: dict[str, str]
) -> None:
    from safetensors import safe_open
    from safetensors.torch import load_file, save_file

    path = tmp_path / "snapshot.safetensors"
    path.write_bytes(bundle_bytes(run.snapshot(15)))
    with safe_open(str(path), "pt") as file:
        metadata = file.metadata()
    assert metadata["format"] == FORMAT
    save_file(load_file(path), path, metadata | change)
    with pytest.raises(pb.RequestError, match="snapshot"):
        read_bundle(path)


class Bomb:
    """Unpickled, it leaves a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return os.mkdir, (str(self.path),)


def test_a_pickle_in_an_npz_is_never_loaded(tmp_path: Path) -> None:
    went_off = tmp_path / "went_off"
    bombs = np.array([Bomb(went_off)] * 8, dtype=object)
    labels = np.arange(8) % 4
    np.savez(tmp_path / "data.npz", x_train=bombs, y_train=labels, x_test=bombs, y_test=labels)
    with pytest.raises(pb.RequestError):
        pb.load_task(tmp_path / "data.npz", samples=4)
    (tmp_path / "raw.npz").write_bytes(pickle.dumps(Bomb(went_off)))
    with pytest.raises(pb.RequestError):
        pb.load_task(tmp_path / "raw.npz", samples=4)
    assert not went_off.exists()


def test_an_npz_member_outside_its_folder_is_written_nowhere(tmp_path: Path) -> None:
    labels = np.arange(8) % 4
    arrays = {f"{part}_{side}": labels for part in "xy" for side in ("train", "test")}
    np.savez(tmp_path / "data.npz", **arrays, **{"../../escaped": labels})
    with pytest.raises(pb.RequestError):
        pb.load_task(tmp_path / "data.npz", samples=4)
    assert [path.name for path in tmp_path.iterdir()] == ["data.npz"]


@pytest.mark.parametrize(
    "text",
    ["[task]\\ndataset = {a = 1}", "[" * 10_000, "a = " + "[" * 10_000, "\\0", "[run]\\n__import__ = 'os'"],
)
def test_a_study_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "study.toml"
    path.write_text(text)
    with pytest.raises(pb.RequestError):
        read_study(path)


def test_a_digest_is_no_permission(theirs: Store) -> None:
    """A file that has the hash its row says is still only read as tensors."""
    content = pickle.dumps(Bomb(Path("went_off")))
    training, seed = theirs.rows("SELECT training, seed FROM networks WHERE step = 15")[0]
    name = f"{training}/seed{seed}-step15-{digest(content)[:16]}.safetensors"
    theirs.files.write(name, content)
    change(
        theirs,
        "UPDATE networks SET sha256 = ?, bytes = ? WHERE training = ? AND seed = ? AND step = 15",
        *(digest(content), len(content), training, seed),
    )
    with pytest.raises(Damaged, match="not a network"):
        theirs.load_state(training, seed, 15)
    assert not Path("went_off").exists()


def test_what_was_made_at_no_time_is_left_out(theirs: Store, tmp_path: Path) -> None:
    """With a checksum that fits: every document looks for the newest."""
    for number, record in theirs.rows("SELECT id, record FROM provenance"):
        timeless = json.dumps({name: value for name, value in json.loads(record).items() if name != "utc"})
        change(
            theirs,
            "UPDATE provenance SET record = ?, checksum = ? WHERE id = ?",
            *(timeless, EnvironmentRow(timeless, number).digest(), number),
        )
    with Store(tmp_path / "mine") as mine:
        merged = absorb(mine, theirs)
        assert mine.rows("SELECT * FROM provenance") == []
    assert (merged.results, merged.networks) == (0, 0)
    assert merged.damaged
