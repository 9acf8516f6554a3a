"""What a unit was worth in the end, against the plainest way to find it out."""

import pytest
import torch

import prunebench as pb
from prunebench.evaluation.truths import truth


@pytest.fixture(scope="module", params=[None, "mlp[widths=9-7]", "lenet[width=0.5]"])
def run(request: pytest.FixtureRequest) -> pb.Trajectory:
    task = pb.load_task(
        "digits" if request.param != "lenet[width=0.5]" else "mnist5k", classes="all", samples=60
    )
    settings = {"learning_rate": 0.02, "batch_size": 16, "steps": 20}
    network = None if request.param is None else pb.load_network(request.param)
    recipe = pb.Recipe(width=11, init_std=0.1, **settings) if network is None else None
    return pb.train(task, recipe or pb.Recipe(network=network, **settings), seeds=(3, 5), device="cpu")


def test_growth_is_of_the_norm(run: pb.Trajectory) -> None:
    norms = run.final.norms("effective"), run.initial.norms("effective")
    torch.testing.assert_close(truth("growth", run.final, run.initial, run.task), norms[0] / norms[1])
    assert torch.equal(truth("norm", run.final, run.initial, run.task), norms[0])
    nothing = truth("growth", run.final, run.initial.zeros_like(), run.task)
    assert torch.equal(nothing, torch.zeros_like(norms[0]))  # not infinite


def test_ablation_is_the_loss_without_the_unit(run: pb.Trajectory) -> None:
    found = truth("ablation", run.final, run.initial, run.task)
    assert found.shape == (2, run.final.units)
    first = run.final.layers[0]
    rest = torch.arange(1, first.units).expand(2, -1)
    x, y = run.final.architecture.shaped(run.task.x_train), run.task.y_train
    without = run.final.keep({first.name: rest}).loss(x, y)
    torch.testing.assert_close(found[:, 0], without - run.final.loss(x, y), atol=1e-5, rtol=1e-3)


def test_contribution_does_not_move_when_a_factor_does(run: pb.Trajectory) -> None:
    """Twice a unit's incoming side and half of its outgoing one is the same network."""
    before = truth("contribution", run.final, run.initial, run.task)
    tensors = dict(run.final.tensors)
    layer = run.final.layers[0]
    for part in layer.of("incoming", "bias"):
        tensors[part.tensor] = 2 * tensors[part.tensor]
    for part in layer.of("outgoing"):
        tensors[part.tensor] = tensors[part.tensor] / 2
    after = truth("contribution", run.final.like(tensors), run.initial, run.task)
    torch.testing.assert_close(after, before, rtol=1e-4, atol=1e-6)
    assert (before > 0).any()


def test_contribution_of_a_shallow_network_is_what_the_output_reads() -> None:
    task = pb.load_task("digits", samples=60)
    recipe = pb.Recipe(width=11, init_std=0.1, learning_rate=0.02, batch_size=16, steps=20)
    run = pb.train(task, recipe, seeds=(3,), device="cpu")
    hidden = run.final.pre_activations(task.x_train).relu()
    expected = hidden.std(dim=1, correction=0) * run.final.norms("outgoing")
    torch.testing.assert_close(truth("contribution", run.final, run.initial, task), expected)
