from pathlib import Path

import pytest
import torch

import prunebench as pb
from prunebench.store.bundle import read_bundle, snapshot_order
from tests.cli.conftest import QUICK, Prunebench


@pytest.fixture
def snapshot(prunebench: Prunebench, npz: Path) -> Prunebench:
    return lambda *arguments: prunebench("export", "--snapshot", "--dataset", npz, *QUICK, *arguments)


def test_a_snapshot_holds_the_networks_that_run_scores(snapshot: Prunebench, npz: Path) -> None:
    result = snapshot("--at-step", "20", "--out", "a/snapshot.safetensors")
    assert (result.code, result.out) == (0, "")
    read = read_bundle(Path("a/snapshot.safetensors"))
    run = pb.train(read.task, read.recipe, seeds=range(3), snapshot_steps=(20,), device="cpu")
    assert (read.step, read.seeds, read.final) == (20, (0, 1, 2), None)
    for mine, trained in zip(read.networks.tensors, run.snapshots[20].tensors, strict=True):
        assert torch.equal(mine, trained)
    for mine, trained in zip(read.initial.tensors, run.initial.tensors, strict=True):
        assert torch.equal(mine, trained)
    task = pb.load_task(npz, samples=40)
    assert torch.equal(read.task.x_test, task.x_test)
    assert read.task.source["data_sha256"] == task.source["data_sha256"]
    assert snapshot_order(read)[1].tolist() == pb.minibatch_order(40, 4, 120, seed=1).tolist()


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
        (("--snapshot", "--out", "."), "--out: got '.'"),
        (("--snapshot", "--out", "/dev/null"), "--out: got '/dev/null'"),
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


def test_a_link_is_followed_and_stays(snapshot: Prunebench, folder: Path) -> None:
    (folder / "link").symlink_to("real.safetensors")
    assert snapshot("--out", "link").code == 0
    assert (folder / "link").is_symlink()
    assert read_bundle(folder / "real.safetensors").step == 50
