"""What a clumsy user may give from Python: one line with the argument, its value and what is accepted."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import prunebench as pb


@pytest.mark.parametrize(
    ("argument", "make"),
    [
        ("width", lambda: pb.Recipe(width=0)),
        ("width", lambda: pb.Recipe(width=10**5000)),
        ("width", lambda: pb.Recipe(width=True)),
        ("init_std", lambda: pb.Recipe(init_std=1e-320)),
        ("learning_rate", lambda: pb.Recipe(learning_rate=float("nan"))),
        ("momentum", lambda: pb.Recipe(momentum=1.0)),
        ("steps", lambda: pb.Recipe(steps=-1)),
        ("until_loss", lambda: pb.Recipe(until_loss=0.0)),
        ("until_loss", lambda: pb.Recipe(until_loss=float("nan"))),
        ("samples", lambda: pb.load_task("digits", samples=10**9)),
        ("seed", lambda: pb.load_task("digits", samples=40, seed=2**63)),
        ("classes", lambda: pb.load_task("digits", classes="0/12")),
        ("classes", lambda: pb.load_task("digits", classes=np.array([[0, 3], [1, 2]]))),  # type: ignore[arg-type]
        ("scaling", lambda: pb.load_task("digits", scaling="half")),
        ("scaling", lambda: pb.load_task("digits", scaling="\ud800")),
        ("dataset", lambda: pb.load_task("digitz")),
        ("scorer", lambda: pb.load_scorer(3)),  # type: ignore[arg-type]
        ("network", lambda: pb.load_network(None)),  # type: ignore[arg-type]
    ],
)
def test_the_argument_is_named(argument: str, make: Callable[[], object]) -> None:
    with pytest.raises(pb.RequestError) as refused:
        make()
    assert refused.value.option == argument
    assert str(refused.value).startswith(f"{argument}: got ")


@pytest.mark.parametrize(
    ("argument", "values"),
    [
        ("seeds", {"seeds": [2**63]}),
        ("seeds", {"seeds": range(10**12)}),
        ("seeds", {"seeds": []}),
        ("snapshot_steps", {"snapshot_steps": [121]}),
        ("snapshot_steps", {"snapshot_steps": [0.5]}),
        ("snapshot_steps", {"snapshot_steps": 50}),
        ("hooks", {"hooks": {0.5: print}}),
        ("hooks", {"hooks": 3}),
        ("masks", {"masks": "x"}),
        ("record_every", {"record_every": -3}),
        ("record_at", {"record_at": [0.5]}),
        ("record_at", {"record_at": 3}),
        ("seeds", {"seeds": np.array(3)}),
        ("recipe", {"recipe": None}),
        ("start", {"start": 3}),
        ("dtype", {"dtype": "float32"}),
        ("dtype", {"dtype": torch.float16}),
        ("batch_size", {"recipe": pb.Recipe(width=4, batch_size=41, steps=5)}),
        ("device", {"device": "gpu"}),
        ("steps", {"recipe": pb.Recipe(width=4, steps=10**9)}),
        ("width", {"recipe": pb.Recipe(width=10**6, steps=5), "seeds": range(10**4)}),
    ],
)
def test_so_it_is_of_train(
    argument: str, values: dict[str, object], task: pb.Task, recipe: pb.Recipe
) -> None:
    with pytest.raises(pb.RequestError) as refused:
        pb.train(task, **({"recipe": recipe, "seeds": range(2)} | values))  # type: ignore[arg-type]
    assert refused.value.option == argument


@pytest.mark.parametrize(
    ("argument", "values"),
    [
        ("task", {"task": "digits"}),
        ("recipe", {"recipe": None}),
        ("at_steps", {"at_steps": []}),
        ("at_steps", {"at_steps": np.array(10)}),
        ("at_steps", {"at_steps": torch.tensor([10])}),
        ("protocols", {"protocols": ()}),
        ("protocols", {"protocols": 3}),
        ("keep", {"keep": None}),
        ("seeds", {"seeds": torch.tensor(2)}),
        ("device", {"device": None}),
        ("store", {"store": ""}),
        ("store", {"store": 3}),
    ],
)
def test_so_it_is_of_the_benchmark(
    argument: str, values: dict[str, object], task: pb.Task, recipe: pb.Recipe
) -> None:
    with pytest.raises(pb.RequestError) as refused:
        pb.run_benchmark(**({"task": task, "recipe": recipe, "seeds": 2, "quiet": True} | values))  # type: ignore[arg-type]
    assert refused.value.option == argument


def test_a_type_error_of_the_callers_own_is_theirs(task: pb.Task, recipe: pb.Recipe) -> None:
    def mistaken() -> Iterator[int]:
        yield 1
        raise TypeError("of my own")

    for argument in ("at_steps", "seeds"):
        with pytest.raises(TypeError, match="of my own"):
            pb.run_benchmark(
                **({"task": task, "recipe": recipe, "quiet": True} | {argument: mistaken()})  # type: ignore[arg-type]
            )


def test_so_it_is_of_scores_from_elsewhere(task: pb.Task, recipe: pb.Recipe) -> None:
    trained = pb.train(task, recipe, seeds=2, device=torch.device("cpu"))
    scores = np.random.default_rng(0).random((2, trained.final.units))
    assert pb.evaluate({"mine": scores}, trained, at_step=0, protocols="prune_final", keep=0.5)
    for argument, value in (("protocols", 3), ("keep", None)):
        with pytest.raises(pb.RequestError) as refused:
            pb.evaluate(scores, trained, at_step=0, **{argument: value})  # type: ignore[arg-type]
        assert refused.value.option == argument


@pytest.mark.parametrize("value", [0, 1, "no", None, np.False_])
def test_recalibrate_is_yes_or_no(task: pb.Task, recipe: pb.Recipe, value: Any) -> None:
    with pytest.raises(pb.RequestError, match="recalibrate: got"):
        pb.run_benchmark(task, recipe, "snip", 0, 2, "rank", recalibrate=value, quiet=True)


@pytest.mark.parametrize("value", [np.int64(3), Path("x"), float("nan")])
def test_a_task_says_at_once_what_no_record_can_hold(task: pb.Task, value: Any) -> None:
    with pytest.raises(pb.RequestError, match="source: got"):
        pb.Task(task.x_train, task.y_train, task.x_test, task.y_test, source={"ward": value})


def test_errors_name_the_arguments_of_python(task: pb.Task, recipe: pb.Recipe) -> None:
    result = pb.run_benchmark(task, recipe, ["snip", "taylor"], 15, 2, "rank", quiet=True)
    run = pb.train(task, recipe, seeds=2, snapshot_steps=[15], device="cpu")
    for argument, call in {
        "folder": lambda: pb.boards("nofolder"),
        "at_step": lambda: pb.compare("snip", "taylor", result, at_step=7),
        "metrics": lambda: pb.compare("snip", "taylor", result, metrics=[]),
        "second": lambda: pb.compare("snip", "snip", result),
        "on": lambda: pb.compare("snip", "taylor", [result, 3]),  # type: ignore[list-item]
        "imp[sparsity]": lambda: pb.run_benchmark(task, recipe, "imp[sparsity=2]", 0, 2, quiet=True),
        "step": lambda: run.snapshot(15.0),  # type: ignore[arg-type]
        "trajectory": lambda: pb.evaluate(run.final.norms(), None),  # type: ignore[arg-type]
    }.items():
        with pytest.raises(pb.RequestError) as refused:
            call()
        assert refused.value.option == argument


BAD = [
    ({"scorers": "snib"}, "scorers: got 'snib'; did you mean 'snip'"),
    ({"scorers": 3}, "scorers: got 3; a name"),
    ({"seeds": 0}, "seeds: got 0; 1 to 100,000"),
    ({"seeds": "three"}, "seeds: got 'three'; 1 to 100,000"),
    ({"finetune_steps": 2.5}, "finetune_steps: got 2.5; a number from 1 to that of all steps, 120"),
    ({"finetune_steps": True}, "finetune_steps: got True; a number from 1"),
    ({"finetune_steps": "5"}, "finetune_steps: got '5'; a number from 1"),
    ({"at_steps": 121}, "at_steps: got 121; steps are whole numbers from 0 to the end, 120"),
    ({"protocols": "rang"}, "protocols: got 'rang'; did you mean 'rank'"),
    ({"keep": (2,)}, "keep: got 2; a share"),
    ({"device": "tpu"}, "device: got 'tpu'"),
    ({"task": "digits"}, "task: got 'digits'; pb.load_task"),
    ({"recipe": 3}, "recipe: got 3; pb.Recipe"),
]
SCRIPT = """
import json, sys
import prunebench as pb
given = {"task": pb.load_task("digits", samples=40), "recipe": pb.Recipe(width=16, steps=120), "seeds": 2}
for asked in json.loads(sys.argv[1]):
    try:
        pb.run_benchmark(**{**given, "quiet": True, **asked})
    except pb.RequestError as error:
        print(str(error).replace(chr(10), " "))
    else:
        print("no error")
"""


def test_bad_arguments_are_named() -> None:
    """In a process of its own, where nothing but prunebench checks types."""
    command = [sys.executable, "-c", SCRIPT, json.dumps([asked for asked, _ in BAD])]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    for line, (_, message) in zip(said, BAD, strict=True):
        assert line.startswith(message)
