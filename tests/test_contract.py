"""The calls that other people's code makes of networks work as they are documented."""

import pytest
import torch
from torch import nn

import prunebench as pb


@pytest.fixture(scope="module")
def run() -> pb.Trajectory:
    draw = torch.Generator().manual_seed(0)
    x, y = torch.randn((30, 1, 12, 12), generator=draw), torch.arange(30) % 3
    task = pb.Task(x[:20], y[:20], x[20:], y[20:], name="mine")
    recipe = pb.Recipe(network=pb.load_network("lenet"), learning_rate=0.01, batch_size=16, steps=6)
    return pb.train(task, recipe, seeds=range(2), snapshot_steps=(0, 5), device="cpu")


def test_any_network(run: pb.Trajectory) -> None:
    task, nets = run.task, run.snapshots[5]
    assert sum(layer.units for layer in nets.layers) == nets.units == 6 + 16 + 120 + 84
    assert all(layer.name and layer.parts for layer in nets.layers)
    assert nets["conv1.weight"].shape == (2, 6, 1, 5, 5)
    assert nets.logits(task.x_test).shape == (2, 10, 3)
    assert nets.accuracy(task.x_test, task.y_test).shape == (2,)
    for kind in ("effective", "incoming", "outgoing"):
        assert nets.norms(kind).shape == (2, nets.units)
    for side in ("incoming", "bias", "outgoing", "both"):
        assert nets.unit_sums(side).shape == (2, nets.units)
    for loss in ("cross_entropy", "even"):
        gradient = nets.gradient(task.x_train, task.y_train, loss=loss, temperature=1.0)
        product = nets.hessian_vector_product(gradient, task.x_train, task.y_train, loss=loss)
        for name, tensor in gradient.tensors.items():
            assert tensor.shape == nets[name].shape == product[name].shape
    gates = torch.ones(2, nets.units)
    gates[:, 3:6] = 0
    kept = nets.keep({"conv1": torch.tensor([[0, 1, 2], [2, 0, 1]])})
    torch.testing.assert_close(kept.logits(task.x_test), nets.gated(gates).logits(task.x_test))
    module = nets.to_module(1)
    assert isinstance(module, nn.Module)
    images = task.x_test.reshape(-1, *task.shape)
    with torch.no_grad():
        torch.testing.assert_close(module.eval()(images), nets.logits(task.x_test)[1])


def test_scores_are_of_all_units_in_order(run: pb.Trajectory) -> None:
    scores = pb.load_scorer("snip").score(run.snapshot(5))
    assert scores.shape == (2, run.final.units)
    counts = run.final.architecture.layer_of.bincount().tolist()
    assert counts == [layer.units for layer in run.final.layers]


def test_the_papers_network() -> None:
    recipe = pb.Recipe(width=5, batch_size=4, steps=3)
    nets = pb.initialise(recipe, 7, range(3))
    assert (nets.w_in.shape, nets.bias.shape, nets.w_out.shape) == ((3, 5, 7), (3, 5), (3, 2, 5))
    assert nets.keep(torch.tensor([[0, 3]] * 3)).units == 2
    again = pb.shallow_networks(nets.w_in, nets.bias, nets.w_out)
    assert torch.equal(again.norms(), nets.norms())
    assert pb.minibatch_order(8, 4, 5, 0).shape == (5, 4)
