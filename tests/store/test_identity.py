"""What names a training and a board: the same from version to version."""

import dataclasses
import re
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import pytest
from msgspec import Meta

import prunebench as pb
from prunebench.fields import options_of
from prunebench.leaderboard.board import name_of
from prunebench.plugin.record import PluginRecord
from prunebench.results import TaskRecord
from prunebench.store.identity import id_of, training_id
from prunebench.store.store import task_record

OWN = pb.Task(np.arange(24.0).reshape(6, 4), np.arange(6) % 2, np.ones((2, 4)), np.arange(2), name="mine")
# What commit 1bad056 called them, by recipe and seeds: on OWN, on 40 digits, and on 40 others.
IDS: list[tuple[dict[str, Any], tuple[int, ...], tuple[str, str, str]]] = [
    (
        {},
        (0,),
        (
            "40a409f97e940720d8298e18a95865d7",
            "7930b979f1cb1f407039465a5f13d752",
            "c528d4cb2c9d3769028411602c536086",
        ),
    ),
    (
        {"width": 20},
        (1, 2),
        (
            "557129f7c7e24b57abb667cba6fe2295",
            "47c48407214ab664098f36ae6c3e0fb6",
            "49010de3a73f13a5aee2519a6cd109e4",
        ),
    ),
    (
        {"init_std": 0.001, "learning_rate": 0.01},
        (0,),
        (
            "1b8b6877cdb9d99286e1fc95fd91ecc5",
            "fa1e8ec8cb22d409e3cb552731e00c31",
            "c144a2082bca118508a02a1a99abab36",
        ),
    ),
    (
        {"momentum": 0.0, "batch_size": 16},
        (0,),
        (
            "3b5f831f1a6a8f9918d870eb7f83fead",
            "fc822de5a0dcd794636046461cacaada",
            "89b0797682b8e46976dc0eea8d5d9fdc",
        ),
    ),
    (
        {"steps": 1500},
        (0,),
        (
            "3fdff736b627ca31d9be2437fafbb187",
            "863cb2a23de49b1a8dd052d2d9ddab44",
            "538eec117634f4eedef45e1ad473cb36",
        ),
    ),
    (
        {"width": 8, "init_std": 1.0, "learning_rate": 1.0, "momentum": 0.5, "batch_size": 3, "steps": 7},
        (0,),
        (
            "5857d9c86f4e19b0aba09f6b7c91b2a7",
            "6064d260e9eb828353ba91cd0599a5d4",
            "d8b01d71d4247ad66118f71c603baa18",
        ),
    ),
    (
        {"until_loss": 0.1},
        (3, 1),
        (
            "b21b567a7c809a8086b660ed2ebfc00d",
            "efbfb7895c64755178771c6e7bad9cf3",
            "33aef3d428f0a1d97c9dbf09b1d8add2",
        ),
    ),
    (
        {"width": 20, "until_loss": 0.5},
        (0, 1, 2),
        (
            "c429e180626acf71a58555917179d045",
            "b0a49ae82324b87abbe6eded7faa0ef3",
            "d6d2f62637b134f6698e342afde2d5b9",
        ),
    ),
]


@dataclass(frozen=True)
class Later(pb.Recipe):
    """A recipe of a later version, with one more field."""

    dropout: Annotated[float, Meta(description="Share of units left out of each step.")] = 0.0


def board_name(task: pb.Task, recipe: pb.Recipe) -> str:
    return name_of(TaskRecord.read(task_record(task, recipe)), recipe)


def test_trainings_are_called_as_they_ever_were() -> None:
    digits = pb.load_task("digits", samples=40)
    others = pb.load_task("digits", samples=40, seed=3, scaling="standard")
    for values, seeds, names in IDS:
        recipe = pb.Recipe(**values)
        assert tuple(training_id(task, recipe, seeds) for task in (OWN, digits, others)) == names


def test_a_field_that_comes_later_renames_nothing_at_its_default() -> None:
    for values, seeds, (name, *_) in IDS:
        recipe, later = pb.Recipe(**values), Later(**values)
        assert training_id(OWN, later, seeds) == name
        assert board_name(OWN, later) == board_name(OWN, recipe)
        changed = dataclasses.replace(later, dropout=0.1)
        assert training_id(OWN, changed, seeds) != name
        assert board_name(OWN, changed) != board_name(OWN, recipe)


def test_such_a_field_is_an_option_and_told_off_its_default() -> None:
    assert options_of(Later)["dropout"].flag == "--dropout"
    usual = "300 neurons, init std 1e-05, learning rate 0.001, momentum 0.9, batch 4, 16,000 steps"
    assert (pb.Recipe().in_words, Later().in_words) == (usual, usual)
    assert Later(until_loss=0.1, dropout=0.5).in_words == f"{usual} or loss 0.1, dropout 0.5"


LENET = PluginRecord("lenet[width=0.5]", "1", "0123456789abcdef")
# What trainings of other networks are called, by recipe: on OWN, on 40 digits, and on 40 others.
LAYERED: list[tuple[dict[str, Any], tuple[str, str, str]]] = [
    (
        {},
        (
            "2b1f56a76bd6157265c1ec42e1348395",
            "5fc775d4a6770fb75c47387133d16004",
            "243077a41700b6a49cafdf2dba6dbf3b",
        ),
    ),
    (
        {"learning_rate": 0.01, "batch_size": 16, "steps": 1000},
        (
            "8e02b57e531eac0e04cb8bfb174b602b",
            "100b33069738eba7b05edb68a2f9e8f3",
            "fc95b6602edc88d694a07b607bb667b0",
        ),
    ),
    (
        {"scale": 0.5},
        (
            "98dc1183348a4ad46b30dd94a5b7a160",
            "17a2d38430265b8c533111cfa5612326",
            "0e14f65ca8cdb7d0d9b7d1e4ed098c60",
        ),
    ),
    (
        {"weight_decay": 0.1, "schedule": "cosine", "optimizer": "adam"},
        (
            "8fd1e3d1c7fb79b98c9ccb49c124a741",
            "d24b6f7f45eea2ef07cce346b581b7e3",
            "54efc97393ed2ac2f0c585215fb36ef4",
        ),
    ),
    (
        {"until_loss": 0.1},
        (
            "d2c8c5cf6e6729576bfe696be4a2008c",
            "b3be87dbbb0999a2ec12ec922b411308",
            "950d6e98a9743cdb7e28a71fdef6d6b1",
        ),
    ),
]


def test_trainings_of_other_networks_keep_their_names_too() -> None:
    digits = pb.load_task("digits", samples=40)
    others = pb.load_task("digits", classes="all", samples=40)
    for values, names in LAYERED:
        recipe = pb.Recipe(network=LENET, **values)
        assert tuple(training_id(task, recipe, (3, 1)) for task in (OWN, digits, others)) == names


@pytest.mark.parametrize(
    "change",
    [
        {"network": PluginRecord("lenet", "1", "0123456789abcdef")},
        {"network": PluginRecord("lenet[width=0.5]", "2", "0123456789abcdef")},
        {"network": PluginRecord("lenet[width=0.5]", "1", "fedcba9876543210")},
        {"network": None},
        {"init": "kaiming"},
        {"scale": 0.5},
        {"weight_decay": 0.1},
        {"schedule": "cosine"},
        {"optimizer": "adam"},
    ],
)
def test_whatever_changes_such_a_training_changes_its_name(change: dict[str, Any]) -> None:
    recipe = pb.Recipe(network=LENET)
    other = dataclasses.replace(recipe, **change)
    assert training_id(OWN, recipe, (0,)) != training_id(OWN, other, (0,))
    assert board_name(OWN, recipe) != board_name(OWN, other)


def test_a_board_is_named_after_its_network() -> None:
    name = board_name(OWN, pb.Recipe(network=LENET))
    assert re.fullmatch("mine_n6_lenet-width-0.5_[0-9a-f]{8}", name)
    shaped = pb.Task(
        OWN.x_train.reshape(6, 1, 2, 2), OWN.y_train, OWN.x_test.reshape(2, 1, 2, 2), OWN.y_test, "mine"
    )
    assert board_name(shaped, pb.Recipe(network=LENET)) != name
    assert board_name(shaped, pb.Recipe()) == board_name(OWN, pb.Recipe())


@pytest.mark.parametrize(
    "change",
    [
        {"width": 20},
        {"init_std": 0.01},
        {"learning_rate": 0.1},
        {"momentum": 0.0},
        {"batch_size": 8},
        {"steps": 9},
        {"until_loss": 0.1},
    ],
)
def test_whatever_changes_the_training_changes_its_name(
    task: pb.Task, recipe: pb.Recipe, change: dict[str, Any]
) -> None:
    other = dataclasses.replace(recipe, **change)
    assert training_id(task, recipe, (0,)) != training_id(task, other, (0,))
    assert board_name(task, recipe) != board_name(task, other)


def test_seeds_are_named_where_training_ends_for_all_together(task: pb.Task, recipe: pb.Recipe) -> None:
    assert training_id(task, recipe, (0,)) == training_id(task, recipe, (5, 6))
    ending = dataclasses.replace(recipe, until_loss=0.1)
    assert training_id(task, ending, (0,)) != training_id(task, ending, (0, 1))
    assert training_id(task, ending, (1, 0)) == training_id(task, ending, (0, 1))


def test_an_id_is_found_from_records_too(task: pb.Task) -> None:
    assert training_id(task, pb.Recipe(), (0,)) == id_of(task.fingerprint, {})
    assert training_id(task, pb.Recipe(width=5), (0,)) == id_of(task.fingerprint, pb.Recipe(width=5).record)
