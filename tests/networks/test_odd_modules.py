"""Modules that are written in other ways: their units' numbers are found, and they are gone when removed."""

import copy
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn

import prunebench as pb
from prunebench.networks import Networks
from prunebench.networks.build import architecture, stack


class PreActivation(nn.Module):
    """Normalisation before the convolutions: two of them read the stream, a third the units inside."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.first_norm = nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4)
        self.first, self.second_norm = nn.Conv2d(4, 5, 3, padding=1), nn.BatchNorm2d(5)
        self.second, self.norm = nn.Conv2d(5, 4, 3, padding=1), nn.BatchNorm2d(4)
        self.output = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        inside = self.first(torch.relu(self.first_norm(x)))
        x = x + self.second(torch.relu(self.second_norm(inside)))
        return self.output(torch.relu(self.norm(x)).mean((2, 3)))


class Gated(nn.Module):
    """Two layers whose units are multiplied are one layer, with two producers."""

    def __init__(self) -> None:
        super().__init__()
        self.left, self.right, self.output = nn.Linear(36, 6), nn.Linear(36, 6), nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = x.flatten(1)
        return self.output(torch.sigmoid(self.left(x)) * self.right(x))


class Words(nn.Module):
    """Linear layers along the last of three axes, as transformers have them."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.output = nn.Linear(6, 4), nn.Linear(4, 5), nn.Linear(5, 3)

    def forward(self, x: Tensor) -> Tensor:
        hidden = torch.relu(self.second(torch.relu(self.first(x.flatten(1, 2)))))
        return self.output(hidden.mean(dim=1))


class Cropped(nn.Module):
    """Slices of positions, all along axes that come after the units'."""

    def __init__(self, dimensions: int) -> None:
        super().__init__()
        kind: type[nn.Conv1d | nn.Conv3d] = nn.Conv1d if dimensions == 1 else nn.Conv3d
        self.first = kind(1, 4, 3, padding=1, padding_mode="circular")
        self.second = kind(4, 5, 3, padding=1, padding_mode="circular")
        self.output = nn.Linear(5, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.first(x))[:, :, 2:]
        x = torch.relu(self.second(x))[..., 1:-1]
        return self.output((x[:, :, 1:] - x[:, :, :-1]).abs().flatten(2).mean(dim=2))


def partly_frozen() -> nn.Module:
    """A first layer that stays as it is, as of a network of other data."""
    module = nn.Sequential(
        nn.Flatten(), nn.Linear(36, 5), nn.Tanh(), nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 3)
    )
    module[1].requires_grad_(False)
    return module


def convolutions(*between: nn.Module, columns: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 4, 3), *between, nn.Flatten(), nn.Linear(columns, 3))


# Shape of a sample, and how many numbers are on each unit's sides, layer by layer: incoming, bias, outgoing.
CASES: dict[str, tuple[nn.Module, tuple[int, ...], list[tuple[int, int, int]]]] = {
    "one dimension": (
        nn.Sequential(
            nn.Conv1d(2, 4, 3), nn.BatchNorm1d(4), nn.ReLU(), nn.Conv1d(4, 5, 3), nn.ReLU(), nn.Flatten(),
            nn.Linear(25, 3),
        ),
        (2, 9), [(6, 3, 15), (12, 1, 15)],
    ),
    "three dimensions": (
        nn.Sequential(
            nn.Conv3d(1, 4, 3), nn.BatchNorm3d(4), nn.ReLU(), nn.MaxPool3d(2), nn.Flatten(), nn.Linear(32, 3)
        ),
        (1, 6, 6, 6), [(27, 3, 24)],
    ),
    "slices of positions in one dimension": (Cropped(1), (1, 9), [(3, 1, 15), (12, 1, 3)]),
    "slices of positions in three dimensions": (Cropped(3), (1, 6, 6, 6), [(27, 1, 135), (108, 1, 3)]),
    "pooled to one place": (
        convolutions(nn.ReLU(), nn.AdaptiveAvgPool2d(1), columns=4), (1, 6, 6), [(9, 1, 3)],
    ),
    "pooled to four places": (
        convolutions(nn.BatchNorm2d(4), nn.ReLU(), nn.AdaptiveAvgPool2d(2), columns=16), (1, 6, 6),
        [(9, 3, 12)],
    ),
    "normalised after the flatten": (
        convolutions(nn.ReLU(), nn.Flatten(), nn.BatchNorm1d(64), columns=64), (1, 6, 6), [(9, 33, 48)],
    ),
    "without a gain": (
        convolutions(nn.BatchNorm2d(4, affine=False), nn.ReLU(), columns=64), (1, 6, 6), [(9, 1, 48)],
    ),
    "inputs and output normalised": (
        nn.Sequential(
            nn.BatchNorm2d(1), nn.Flatten(), nn.Linear(36, 5), nn.Tanh(), nn.Linear(5, 3), nn.BatchNorm1d(3)
        ),
        (1, 6, 6), [(36, 1, 3)],
    ),
    "an output that is a convolution": (
        nn.Sequential(
            nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 3, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten()
        ),
        (1, 6, 6), [(9, 1, 3)],
    ),
    "normalised before": (PreActivation(), (1, 6, 6), [(9 + 45, 2 + 2 * 2, 45 + 3), (36, 3, 36)]),
    "frozen": (partly_frozen(), (1, 6, 6), [(36, 1, 4), (5, 1, 3)]),
    "words": (Words(), (1, 6, 6), [(6, 1, 5), (4, 1, 3)]),
    "multiplied": (Gated(), (1, 6, 6), [(36 + 36, 2, 3)]),
}  # fmt: skip
CASE = pytest.mark.parametrize("name", CASES)


@dataclass(frozen=True)
class Odd(pb.Network):
    name = "odd"
    case: str = ""

    def build(self, shape: tuple[int, ...], outputs: int) -> nn.Module:
        return copy.deepcopy(CASES[self.case][0])


def make(name: str) -> tuple[Networks, nn.Module, Tensor]:
    """One network in float64 with statistics, gains and shifts that are not those of a new one; inputs."""
    module, shape, _ = copy.deepcopy(CASES[name])
    draw = torch.Generator().manual_seed(0)
    for tensor in (*module.parameters(), *module.buffers()):
        if tensor.is_floating_point():
            tensor.data = 0.5 + torch.rand(tensor.shape, generator=draw, dtype=torch.float64)
            if tensor.ndim > 1:
                tensor.data -= 1.0
    x = torch.randn((5, *shape), generator=draw, dtype=torch.float64)
    return stack(architecture(Odd(name), shape, 3), [module]), module.eval(), x


@CASE
def test_keeping_is_gating_and_the_order_is_nothing(name: str) -> None:
    networks, module, x = make(name)
    with torch.no_grad():
        assert torch.equal(networks.logits(x)[0], module(x))
    turned = {layer.name: torch.randperm(layer.units)[None] for layer in networks.layers}
    assert (networks.keep(turned).logits(x) - networks.logits(x)).abs().max() < 1e-13
    kept = {layer.name: torch.arange(1, layer.units)[None] for layer in networks.layers}
    gates = torch.cat([torch.arange(layer.units) > 0 for layer in networks.layers])[None].double()
    narrow, gated = networks.keep(kept), networks.gated(gates)
    assert (narrow.logits(x) - gated.logits(x)).abs().max() < 1e-13
    assert (narrow.logits(x) - networks.logits(x)).abs().max() > 1e-3
    with torch.no_grad():
        torch.testing.assert_close(narrow.to_module(0).eval()(x), narrow.logits(x)[0], rtol=0, atol=1e-13)


@CASE
def test_each_unit_has_its_numbers(name: str) -> None:
    networks, _, _ = make(name)
    ones = networks.map(torch.ones_like)
    sides = [ones.unit_sums(side)[0] for side in ("incoming", "bias", "outgoing")]
    found = [tuple(int(side[networks.architecture.layer_of == k].unique()) for side in sides)
             for k in range(len(networks.layers))]  # fmt: skip
    assert found == CASES[name][2]


def test_normalisation_without_a_gain_has_the_gain_1() -> None:
    networks, _, _ = make("without a gain")
    assert torch.equal(networks.norms("incoming"), torch.ones(1, 4, dtype=torch.float64))
    assert torch.equal(networks.norms(), networks.norms("outgoing"))
