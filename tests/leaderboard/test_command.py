from typing import Any

import numpy as np
import pytest
from made_up_boards import row, summary

import prunebench as pb
from prunebench.leaderboard.command import command_of
from prunebench.plugin.record import PluginRecord
from prunebench.results import TaskRecord

TASK = {
    "dataset": "mnist5k", "classes": [[0, 3], [1, 2]], "samples": 800, "seed": 0, "scaling": "symmetric",
    "name": "mnist5k", "inputs": 784, "tests": 400, "fingerprint": "f",
}  # fmt: skip
RECIPE = {
    "width": 300, "init_std": 1e-5, "learning_rate": 1e-3, "momentum": 0.9, "batch_size": 4, "steps": 4000,
}  # fmt: skip
SHARES = ("0.5", "0.2", "0.1", "0.05", "0.02", "0.01")
LAYERED_SHARES = ("0.8", "0.65", "0.5", "0.35", "0.2")


def command(
    task: dict[str, Any] | None = None,
    recipe: dict[str, Any] | None = None,
    shares: dict[str, tuple[str, ...]] | None = None,
    **changes: Any,
) -> str | None:
    seeds = changes.get("seeds", list(range(20)))
    values = np.ones(len(seeds))
    accuracy: dict[str, Any] = {"dense": summary(values)}
    default = LAYERED_SHARES if "network" in (recipe or {}) else SHARES
    for protocol, kept in (shares or {"prune_final": default, "merge": default}).items():
        accuracy[protocol] = {share: summary(values) for share in kept}
    whole = {"command": "prunebench sweep study.toml", "accuracy": accuracy} | changes
    of = TaskRecord.read(TASK | (task or {}))
    return command_of(of, pb.Recipe(**(RECIPE | (recipe or {}))), row("snip", 50, values, **whole))


def test_defaults_are_left_out() -> None:
    assert command() == "prunebench run --scorer snip --at-step 50"


@pytest.mark.parametrize(
    ("task", "words"),
    [
        ({"dataset": "digits", "samples": 400}, "--dataset digits"),
        ({"dataset": "digits"}, "--dataset digits --samples 800"),
        ({"classes": [[1], [5, 7]]}, "--classes 1/5,7"),
        ({"seed": 3, "scaling": "unit"}, "--task-seed 3 --scaling unit"),
        ({"dataset": "my images.npz"}, "--dataset 'my images.npz' --steps 4000"),
    ],
)
def test_the_task_is_named(task: dict[str, Any], words: str) -> None:
    assert command(task) == f"prunebench run {words} --scorer snip --at-step 50"


def test_a_data_set_from_the_network_is_downloaded_if_need_be() -> None:
    assert command({"dataset": "cifar10"}, {"steps": 16000}) == (
        "prunebench run --dataset cifar10 --download --scorer snip --at-step 50"
    )


def test_the_recipe_is_named() -> None:
    assert command(recipe={"width": 20, "init_std": 0.01, "steps": 99, "until_loss": 0.1}) == (
        "prunebench run --width 20 --init-std 0.01 --steps 99 --until-loss 0.1 --scorer snip --at-step 50"
    )


LENET = {"learning_rate": 0.01, "momentum": 0.9, "batch_size": 16, "steps": 1000}


@pytest.mark.parametrize(
    ("recipe", "recorded", "words"),
    [
        ({}, "prunebench sweep study.toml", "--network lenet"),
        ({"scale": 0.5, "steps": 4000}, "", "--steps 4000 --network lenet --scale 0.5"),
        (
            {"schedule": "cosine", "weight_decay": 0.1},
            "",
            "--network lenet --weight-decay 0.1 --schedule cosine",
        ),
        ({}, "prunebench run --network nets.py:LeNet", "--network nets.py:LeNet"),
        ({}, "prunebench run --plugin nets.py --network lenet", "--network lenet --plugin nets.py"),
    ],
)
def test_the_network_is_named(recipe: dict[str, Any], recorded: str, words: str) -> None:
    recipe = {**LENET, "network": PluginRecord("lenet", "1", "f00"), **recipe}
    task = {"shape": [1, 28, 28], "classes": [[0], [1], [2]]}
    assert command(task, recipe, command=recorded) == (
        f"prunebench run --classes 0/1/2 {words} --scorer snip --at-step 50"
    )


def test_colours_are_asked_for() -> None:
    assert command({"dataset": "cifar10", "colour": True}, {"steps": 16000}) == (
        "prunebench run --dataset cifar10 --colour --download --scorer snip --at-step 50"
    )


@pytest.mark.parametrize(
    ("seeds", "text"), [([0, 1, 2], "3"), ([5, 6, 7], "5-7"), ([0, 2], "0,2"), ([4], "4-4"), ([0], "1")]
)
def test_seeds_are_those_of_the_row(seeds: list[int], text: str) -> None:
    assert command(seeds=seeds) == f"prunebench run --scorer snip --at-step 50 --seeds {text}"


def test_protocols_and_shares_are_those_of_the_row() -> None:
    assert command(shares={"prune_early": ("0.1", "0.5")}) == (
        "prunebench run --scorer snip --at-step 50 --protocol rank --protocol prune_early "
        "--keep 0.5 --keep 0.1"
    )


@pytest.mark.parametrize(("steps", "words"), [(7, " --finetune-steps 7"), (0, "")])
def test_steps_of_finetune_are_named_where_there_are_some(steps: int, words: str) -> None:
    """A training that its loss ends before the first step has none, and the option takes none."""
    assert command(finetune_steps=steps) == f"prunebench run --scorer snip --at-step 50{words}"


def test_specs_are_quoted_and_files_are_kept_from_the_recorded_command() -> None:
    recorded = "prunebench run --plugin 'my scorers.py' --plugin=b.py --scores runs/mine.npz --scorer snip"
    plugins = "--plugin 'my scorers.py' --plugin b.py"
    assert command(scorer="moved[power=2]", command=recorded) == (
        f"prunebench run {plugins} --scorer 'moved[power=2]' --at-step 50"
    )
    assert command(scorer="mine", command=recorded) == (
        f"prunebench run {plugins} --scores runs/mine.npz --at-step 50"
    )


@pytest.mark.parametrize(
    ("recorded", "plugins"),
    [
        ("run --scorer my_idea.py:MyIdea", "--plugin my_idea.py"),
        ("run --scorer='snip,my ideas/a.py:A[x=1,y=2]'", "--plugin 'my ideas/a.py'"),
        ("run --plugin b.py --scorer b.py:B,a.py:A --scorer a.py:C", "--plugin b.py --plugin a.py"),
        ("sweep study.toml --scorer a.py:A", "--plugin a.py"),
    ],
)
def test_files_that_scorers_were_named_with_are_kept(recorded: str, plugins: str) -> None:
    """Rows have the scorers' names alone."""
    assert command(scorer="my_idea", command=f"prunebench {recorded}") == (
        f"prunebench run {plugins} --scorer my_idea --at-step 50"
    )


def test_commands_of_commands_are_themselves() -> None:
    first = command(scorer="x", command="prunebench run --plugin p.py --scorer x --scorer y")
    assert command(scorer="x", command=first) == first


def test_the_control_of_prune_early_comes_with_any_scorer() -> None:
    assert "--scorer random" in (command(scorer="reinitialised") or "")


def test_a_task_without_a_data_set_keeps_what_was_recorded() -> None:
    task = TaskRecord.read({key: value for key, value in TASK.items() if key != "dataset"})
    for recorded in (None, "python mine.py"):
        assert command_of(task, pb.Recipe(), row("snip", 0, np.ones(1), command=recorded)) == recorded
