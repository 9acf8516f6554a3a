"""Protocols on networks of several layers, against networks that are really pruned, gated and merged."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from layered import CLASSES, KINDS, SHAPE, data, make
from torch import nn

import prunebench as pb
from prunebench.evaluation.layered_subject import LayeredSubject
from prunebench.evaluation.merge import folded
from prunebench.evaluation.rank import rank, spearman, within_layers
from prunebench.evaluation.selection import best_of_layers
from prunebench.networks import Layer
from prunebench.networks.build import build
from prunebench.theory.merging import merge_layers


@pytest.fixture(scope="module")
def images() -> pb.Task:
    x, y = data(90)
    return pb.Task(x[:60].float(), y[:60], x[60:].float(), y[60:], name="noise")


def scores_of(networks: pb.Networks, count: int) -> torch.Tensor:
    return torch.rand(count, networks.units, generator=torch.Generator().manual_seed(7))


def layers_of(networks: pb.Networks) -> list[int]:
    return [layer.units for layer in networks.layers]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("share", [0.01, 0.5, 1.0])
def test_pruned_accuracy_is_that_of_the_gated_network(kind: str, share: float, images: pb.Task) -> None:
    network = make(kind)[0].select(0)
    kept = best_of_layers(scores_of(network, 3), layers_of(network), share)
    final = LayeredSubject(network, images, recalibrate=False)
    for split, x, y in (("test", images.x_test, images.y_test), ("train", images.x_train, images.y_train)):
        found = final.accuracies([final.pruned(kept)], split)[0]
        for row, value in zip(kept, found, strict=True):
            gates = torch.zeros(1, network.units, dtype=torch.float64)
            gates[0, row] = 1
            assert float(network.gated(gates).accuracy(x, y)) == pytest.approx(float(value))


@pytest.mark.parametrize("kind", KINDS)
def test_no_layer_is_pruned_to_nothing(kind: str) -> None:
    network = make(kind)[0].select(0)
    units = layers_of(network)
    kept = best_of_layers(scores_of(network, 4), units, 0.001)
    layer_of = network.architecture.layer_of[kept]
    assert (layer_of == torch.arange(len(units))).all()


@pytest.mark.parametrize("kind", ["mlp", "lenet"])
def test_parallel_units_fold_exactly(kind: str, images: pb.Task) -> None:
    """Each layer's second half is a positive multiple of its first: half of the units say all."""
    network = make(kind)[0].select(0).clone()
    first, twins = 0, []
    for layer in network.layers:
        half = layer.units // 2
        for part in layer.of("incoming", "bias"):
            rows = network[part.tensor][0].movedim(part.axis, 0)
            rows[half : 2 * half] = 1.7 * rows[:half]
        twins += [*range(first, first + half), *range(first + 2 * half, first + layer.units)]
        first += layer.units
    kept = torch.tensor(twins)[None]
    final = LayeredSubject(network, images)
    x = images.x_test.double()
    labels = folded(final, kept)
    torch.testing.assert_close(final.made(labels[0]).logits(x), network.logits(x))
    pruned = final.made(final.pruned(kept)[0])
    assert [layer.units for layer in pruned.layers] == [layer.units for layer in final.made(labels[0]).layers]
    assert not torch.allclose(pruned.logits(x), network.logits(x))


def test_tiny_parallel_units_fold(images: pb.Task) -> None:
    """Their squares are 0 in float32; their directions are not."""
    network = make("mlp")[0].select(0).to(dtype=torch.float32)
    for part in network.layers[0].of("incoming", "bias"):
        rows = network[part.tensor][0].movedim(part.axis, 0)
        rows[1] = 2 * rows[0]
        rows[:2] *= 1e-24
    assert network.norms("incoming")[0, :2].tolist() == [0, 0]
    final = LayeredSubject(network, images)
    made = final.made(folded(final, torch.tensor([[0, *range(2, network.units)]]))[0])
    (weights,) = network.layers[0].of("incoming")
    one, both = (nets[weights.tensor][0].movedim(weights.axis, 0)[0].double() for nets in (network, made))
    torch.testing.assert_close(both, one / one.norm(), rtol=1e-5, atol=1e-7)
    torch.testing.assert_close(made.logits(images.x_test), network.logits(images.x_test))


def test_what_does_not_fold_is_pruned(images: pb.Task) -> None:
    """Random units are parallel to none; and where batch normalisation stands in between, none ever is."""
    for kind in ("lenet", "vgg"):
        network = make(kind)[0].select(0).clone()
        if kind == "vgg":
            network["0.weight"][:, 1] = network["0.weight"][:, 0]
        final = LayeredSubject(network, images)
        kept = best_of_layers(scores_of(network, 3), layers_of(network), 0.5)
        assert torch.equal(folded(final, kept), final.pruned(kept))


ACTIVATIONS = {"relu": True, "leaky_relu": True, "relu6": False, "tanh": False, "elu": False, "gelu": False}


@dataclass(frozen=True)
class Activated(pb.Network):
    """Two hidden layers, the first with this activation."""

    name = "activated"
    function: str = "relu"

    def build(self, shape: tuple[int, ...], outputs: int) -> nn.Module:
        return _Activated(self.function, outputs)


class _Activated(nn.Module):
    def __init__(self, function: str, outputs: int) -> None:
        super().__init__()
        self.first, self.second, self.last = (
            nn.Linear(SHAPE[1] * SHAPE[2], 8),
            nn.Linear(8, 6),
            nn.Linear(6, outputs),
        )
        self.function = getattr(nn.functional, function)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.last(torch.relu(self.second(self.function(self.first(x.flatten(1))))))
        return logits


@pytest.mark.parametrize(("function", "folds"), ACTIVATIONS.items())
def test_only_units_whose_length_can_move_fold(function: str, folds: bool, images: pb.Task) -> None:
    """tanh(2 w.x) is no multiple of tanh(w.x): parallel units of other lengths are no single unit."""
    network = build(Activated(function), SHAPE, CLASSES, [0])
    for layer in network.layers:
        for part in layer.of("incoming", "bias"):
            rows = network[part.tensor][0]
            rows[1] = 2 * rows[0]
    final = LayeredSubject(network, images)
    kept = torch.tensor([[0, *range(2, 8), 8, *range(10, 14)]])
    labels = folded(final, kept)[0]
    assert (labels[1] == labels[0], labels[9] == labels[8]) == (folds, True)
    both = torch.arange(14)
    both[9] = 8
    both[1] = 0 if folds else 1
    expected = merge_layers(network, both[None])  # exact where units fold
    torch.testing.assert_close(expected.logits(images.x_test), network.logits(images.x_test))
    if folds:
        torch.testing.assert_close(final.made(labels).logits(images.x_test), network.logits(images.x_test))


@dataclass(frozen=True)
class OfOneNumber(Activated):
    """The same, times a parameter that is a number; its layers are the author's."""

    name = "of_one_number"

    def build(self, shape: tuple[int, ...], outputs: int) -> nn.Module:
        return _OfOneNumber(self.function, outputs)

    def layers(self, module: nn.Module, x: torch.Tensor) -> tuple[Layer, ...]:
        return super().layers(super().build(x.shape[1:], CLASSES), x)


class _OfOneNumber(_Activated):
    def __init__(self, function: str, outputs: int) -> None:
        super().__init__(function, outputs)
        self.factor = nn.Parameter(torch.tensor(1.5))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.factor * super().forward(x)


def test_a_parameter_may_be_one_number(images: pb.Task) -> None:
    network = build(OfOneNumber(), SHAPE, CLASSES, [0])
    assert network["factor"].shape == (1,)
    final = LayeredSubject(network, images)
    kept = torch.arange(7)[None]
    assert folded(final, kept).shape == (1, 14)


def test_correlations_are_within_layers() -> None:
    network = make("lenet")[0].select(0)
    norms, units = network.norms()[0], layers_of(network)
    scores = norms.repeat(3, 1)
    scores[1, : units[0]] *= 1000  # another layer budget, the same order within the layers
    scores[2, units[0] : units[0] + units[1]] *= -1
    metrics = rank(scores, network)
    assert np.allclose(metrics["spearman",][:2], 1)
    assert np.allclose(metrics["kendall",][:2], 1)
    assert metrics["spearman",][2] == pytest.approx((sum(units) - 2 * units[1]) / sum(units))
    assert metrics["spearman_over_layers",][2] == pytest.approx((len(units) - 2) / len(units))
    names = [layer.name for layer in network.layers]
    assert [metrics["spearman_by_layer", name][2] for name in names] == pytest.approx([1, -1, 1])
    assert metrics["top_k_overlap", "0.5"] == pytest.approx([1, 1, (sum(units) - units[1]) / sum(units)])
    assert within_layers(scores, norms, units) == pytest.approx(metrics["spearman",])
    assert ("spearman_within_groups",) not in metrics


def test_two_layers_are_enough_to_tell_them_apart() -> None:
    network = make("mlp")[0].select(0)
    metrics = rank(scores_of(network, 1), network)
    assert sum(path[0] == "spearman_by_layer" for path in metrics) == len(network.layers) == 2
    assert ("spearman_over_layers",) in metrics


def test_a_layer_without_a_correlation_is_left_out() -> None:
    network = make("lenet")[0].select(0)
    scores = scores_of(network, 1)
    scores[0, :4] = 0
    norms = network.norms()[0].numpy()
    by_hand = [float(spearman(scores[0, a:b].numpy(), norms[a:b])) for a, b in ((4, 10), (10, 20))]
    metrics = rank(scores, network)
    assert np.isnan(metrics["spearman_by_layer", network.layers[0].name]).all()
    assert metrics["spearman",] == pytest.approx((6 * by_hand[0] + 10 * by_hand[1]) / 16)
    assert metrics["spearman_over_layers",] == pytest.approx(sum(by_hand) / 2)
    assert np.isnan(rank(torch.zeros(1, network.units), network)["spearman",]).all()
