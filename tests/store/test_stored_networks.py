"""Networks of any kind in a store: kept by name, found again, and known by what their records say."""

import dataclasses
import gc
import json
import weakref
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from torch import nn

import prunebench as pb
from prunebench.plugin.record import PluginRecord
from prunebench.scoring.execute import execute
from prunebench.store.absorb import absorb
from prunebench.store.identity import training_id
from prunebench.store.integrity import find_damage
from prunebench.store.inventory import take_inventory
from prunebench.store.network_files import Damaged, pack, unpack
from prunebench.store.records import FINAL
from prunebench.store.reference import ReferenceNetworks, subset
from prunebench.store.store import Store
from prunebench.store.tables import TrainingRow
from prunebench.training.architecture import architecture_of, loaded
from prunebench.training.bundle import bundle_bytes, read_bundle
from prunebench.training.recipe import Recipe
from prunebench.training.state import State
from prunebench.training.train import train

SPECS = ["mlp[widths=6-4]", "lenet[width=0.5]", "resnet[depth=8,width=0.25]"]


def images(samples: int) -> pb.Task:
    draw = torch.Generator().manual_seed(0)
    x, y = torch.randn((samples, 1, 12, 12), generator=draw), torch.arange(samples) % 3
    return pb.Task(x[:-6], y[:-6], x[-6:], y[-6:], name="toy")


def recipe_of(spec: str) -> pb.Recipe:
    return pb.Recipe(network=pb.load_network(spec), learning_rate=0.01, batch_size=8, steps=12)


@pytest.mark.parametrize("spec", SPECS)
def test_networks_are_kept_and_found(tmp_path: Path, spec: str) -> None:
    task, recipe = images(24), recipe_of(spec)
    with Store(tmp_path) as store:
        made = ReferenceNetworks(store, task, recipe, (0, 1), (0, 5)).trajectory()
        again = ReferenceNetworks(store, task, recipe, (1,), (0, 5)).trajectory()
        training = training_id(task, recipe, (0, 1))
        assert take_inventory(store, training).steps == {0: {5, FINAL}, 1: {5, FINAL}}
    for kept, of in ((again.final, made.final), (again.states[5].velocity, made.states[5].velocity)):
        assert kept.tensors.keys() == of.tensors.keys()
        assert all(torch.equal(kept[name][0], of[name][1]) for name in of.tensors)
    assert again.final.architecture is made.final.architecture


@pytest.mark.parametrize(("step", "place"), [(5, "at step 5"), (FINAL, "at the end")])
def test_what_is_lacking_is_named_as_users_do(step: int, place: str) -> None:
    with (
        Store() as store,
        pytest.raises(Damaged, match=f"^seed 3 of training a+ {place} is not in the store$"),
    ):
        store.load_state(32 * "a", 3, step)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("spec", SPECS)
def test_training_goes_on_from_a_step_that_is_kept(spec: str, optimizer: Any) -> None:
    task = images(24)
    recipe = dataclasses.replace(recipe_of(spec), optimizer=optimizer, weight_decay=0.01, schedule="cosine")
    with Store() as store:
        ReferenceNetworks(store, task, recipe, (0,), (5,)).trajectory()
        later = ReferenceNetworks(store, task, recipe, (0,), (9,)).trajectory()
    whole = train(task, recipe, seeds=(0,), snapshot_steps=(9,))
    for name, tensor in whole.snapshots[9].tensors.items():
        torch.testing.assert_close(later.snapshots[9][name], tensor)


def test_a_recipe_is_read_back_from_its_record_without_its_network() -> None:
    recipe = dataclasses.replace(recipe_of("lenet[width=0.5]"), scale=0.5, schedule="cosine")
    record = json.loads(json.dumps(recipe.record))
    assert record["network"].keys() == {"spec", "version", "source"}
    assert not {"width", "init_std"} & record.keys()
    read = Recipe.read(record)
    assert read.network == PluginRecord(**record["network"])
    assert (read.record, read.network_spec, read.in_words) == (record, recipe.network_spec, recipe.in_words)
    assert loaded(read) == recipe


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"spec": "lenett"}, "did you mean 'lenet'"),
        ({"version": "0"}, "of version 0, and here it is of 1"),
        ({"source": "f00"}, "of source f00"),
        ({"spec": "lenet[depth=3]"}, "no parameter 'depth'"),
    ],
)
def test_a_network_that_is_not_here_is_named(changed: dict[str, str], message: str) -> None:
    record = recipe_of("lenet").record
    read = Recipe.read(record | {"network": record["network"] | changed})
    with pytest.raises(pb.RequestError, match=message):
        pb.initialise(read, (1, 28, 28), (0,))


@pytest.mark.parametrize(
    "network",
    [
        "lenet",
        ["lenet", "1", "f00"],
        {"spec": "lenet"},
        {"spec": "evil.py:Net", "version": "1", "source": "f"},
    ],
)
def test_what_is_no_record_of_a_network_is_refused(network: object) -> None:
    with pytest.raises(pb.RequestError, match="network"):
        Recipe.read({"steps": 3, "network": network})


def test_the_shape_of_samples_is_part_of_the_name_of_all_but_shallow_trainings() -> None:
    task = images(24)
    flat = pb.Task(task.x_train, task.y_train, task.x_test, task.y_test)
    assert flat.fingerprint == task.fingerprint
    recipe = recipe_of("mlp[widths=6-4]")
    assert training_id(task, recipe, (0,)) != training_id(flat, recipe, (0,))
    assert training_id(task, pb.Recipe(), (0,)) == training_id(flat, pb.Recipe(), (0,))


def test_stores_are_merged(tmp_path: Path) -> None:
    task, recipe = images(24), recipe_of("resnet[depth=8,width=0.25]")
    with Store(tmp_path / "theirs") as theirs, Store(tmp_path / "mine") as mine:
        made = ReferenceNetworks(theirs, task, recipe, (0, 1), (5,)).trajectory()
        absorbed = absorb(mine, theirs)
        assert (absorbed.networks, absorbed.damaged) == (4, [])
        found = ReferenceNetworks(mine, task, recipe, (0, 1), (5,)).trajectory()
    assert all(torch.equal(found.final[name], made.final[name]) for name in made.final.tensors)


@pytest.mark.parametrize("lost", ["gone", "damaged"])
def test_a_networks_file_that_is_lost_is_taken_from_the_other_store(
    tmp_path: Path, task: pb.Task, recipe: pb.Recipe, lost: str
) -> None:
    with Store(tmp_path / "theirs") as theirs, Store(tmp_path / "mine") as mine:
        for store in (theirs, mine):
            ReferenceNetworks(store, task, recipe, (0, 1), (5,)).trajectory()
        for path in (tmp_path / "mine" / "networks").rglob("seed0-*"):
            path.unlink() if lost == "gone" else path.write_bytes(b"nonsense")
        assert len(list(find_damage(mine, files=True))) == 2
        before = mine.rows("SELECT * FROM networks")
        absorbed = absorb(mine, theirs)
        assert (absorbed.networks, absorbed.damaged, absorbed.forgotten) == (2, [], [])
        assert list(find_damage(mine, files=True)) == []
        assert mine.rows("SELECT * FROM networks") == before
        assert absorb(mine, theirs).networks == 0


def test_networks_that_are_trained_during_a_merge_stay(
    tmp_path: Path, task: pb.Task, recipe: pb.Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of the other store have other weights, as of another machine."""
    with Store(tmp_path / "theirs") as theirs, Store(tmp_path / "mine") as mine:
        reference = ReferenceNetworks(theirs, task, recipe, (0, 1))
        other = subset(reference.trajectory(), (1,))
        states = {FINAL: State(other.final, other.gradient_steps)}
        theirs.save_networks(reference.training, (0,), states, reference.made, other.history)
        write, trained = mine.files.write, list[Any]()

        def meanwhile(name: str, content: bytes) -> None:
            monkeypatch.undo()
            ReferenceNetworks(mine, task, recipe, (0, 1)).trajectory()
            trained.extend(mine.rows("SELECT * FROM networks"))
            write(name, content)

        monkeypatch.setattr(mine.files, "write", meanwhile)
        assert absorb(mine, theirs).networks == 0
        assert mine.rows("SELECT * FROM networks") == trained != []


def test_a_training_under_another_shape_is_not_merged(tmp_path: Path) -> None:
    task, recipe = images(24), recipe_of("mlp[widths=6-4]")
    with Store(tmp_path / "theirs") as theirs, Store(tmp_path / "mine") as mine:
        ReferenceNetworks(theirs, task, recipe, (0,)).trajectory()
        ((row, _),) = theirs.read(TrainingRow)
        row.task = row.task.replace('"shape": [1, ', '"shape": [2, ')
        with theirs.writing() as connection:
            values = (row.task, row.digest(), row.id)
            connection.execute("UPDATE trainings SET task = ?, checksum = ? WHERE id = ?", values)
        assert absorb(mine, theirs).damaged == [f"training {row.id!r}"]


def test_a_file_of_another_network_is_damaged() -> None:
    task, small, large = images(24), recipe_of("mlp[widths=6-4]"), recipe_of("mlp[widths=6-5]")
    run = train(task, small, seeds=(0,), snapshot_steps=(5,))
    content = pack(run.states[5], 0, velocity=True)
    assert unpack(content, 5, architecture_of(small, task.shape, task.outputs)).step == 5
    for other in (large, recipe_of("lenet"), pb.Recipe(width=6)):
        with pytest.raises(Damaged):
            unpack(content, 5, architecture_of(other, task.shape, task.outputs))


@pytest.mark.parametrize("spec", SPECS)
def test_a_snapshot_is_the_same_from_its_file(tmp_path: Path, spec: str) -> None:
    task, recipe = images(24), recipe_of(spec)
    snapshot = train(task, recipe, seeds=(3, 1), snapshot_steps=(5,)).snapshot(5, with_final=True)
    path = tmp_path / "snapshot.safetensors"
    path.write_bytes(bundle_bytes(snapshot))
    read = read_bundle(path)
    assert (read.task.shape, read.recipe, read.seeds, read.step) == (task.shape, recipe, (3, 1), 5)
    assert all(torch.equal(*pair) for pair in zip(read.tensors(), snapshot.tensors(), strict=True))
    assert read.final is not None
    assert snapshot.final is not None
    assert torch.equal(read.final.logits(task.x_test), snapshot.final.logits(task.x_test))


def test_a_store_in_memory_ends_with_its_use() -> None:
    store = Store()
    task, recipe = images(24), recipe_of(SPECS[0])
    ReferenceNetworks(store, task, recipe, (1,), ()).trajectory()
    assert list(find_damage(store, files=True)) == []
    store.close()
    kept = weakref.ref(store)
    gc.disable()  # a circle would keep megabytes of networks until it comes round
    try:
        del store
        assert kept() is None
    finally:
        gc.enable()


class Turning(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("phase", torch.ones(4, dtype=torch.complex128))
        self.phase: torch.Tensor
        self.hidden, self.out = nn.Linear(4, 6), nn.Linear(6, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        turned = x.flatten(1) * self.phase.real.to(x.dtype)
        return cast(torch.Tensor, self.out(torch.relu(self.hidden(turned))))


class Turns(pb.Network):
    name = "turns"

    def build(self, shape: tuple[int, ...], outputs: int) -> nn.Module:
        return Turning()


def test_a_type_that_no_file_can_keep_is_named() -> None:
    task = pb.Task(torch.randn(8, 4), torch.arange(8) % 2, torch.randn(4, 4), torch.arange(4) % 2)
    recipe = pb.Recipe(network=Turns(), learning_rate=0.02, batch_size=4, steps=3)
    with pytest.raises(pb.RequestError, match=r"network: got 'phase of complex128'; .* complex64 is kept"):
        pb.run_benchmark(task, recipe, ["magnitude"], (2,), 1, quiet=True)
    snapshot = pb.train(task, recipe, seeds=1, snapshot_steps=[2], device="cpu").snapshot(2)
    assert execute(pb.load_scorer("magnitude"), snapshot).error is None
