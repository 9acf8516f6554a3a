"""What a clumsy user may give from Python: one line with the argument, its value and what is accepted."""

from collections.abc import Callable, Iterator

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
