"""What cannot be taken is named with its place in the module."""

import re

import pytest
import torch
from torch import Tensor, nn

import prunebench as pb
from prunebench.networks.discover import find_layers

X = torch.zeros(2, 1, 6, 6)


class Twice(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.flat, self.same, self.output = nn.Flatten(), nn.Linear(36, 36), nn.Linear(36, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.output(torch.relu(self.same(torch.relu(self.same(self.flat(x))))))


class Concatenated(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.left, self.right, self.output = nn.Linear(36, 4), nn.Linear(36, 4), nn.Linear(8, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = x.flatten(1)
        return self.output(torch.relu(torch.cat([self.left(x), self.right(x)], dim=1)))


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.code, self.output = nn.Linear(36, 4), nn.Linear(36, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.output(torch.relu(self.code(x.flatten(1))) @ self.code.weight)


class Own(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.matrix, self.output = nn.Parameter(torch.ones(36, 5)), nn.Linear(5, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.output(torch.relu(x.flatten(1) @ self.matrix))


class Around(nn.Module):
    """One way is normalised; the way around it is not, or has a convolution of its own that is not."""

    def __init__(self, around: bool) -> None:
        super().__init__()
        self.stem, self.inside = nn.Conv2d(1, 4, 1), nn.Conv2d(4, 4, 1)
        self.norm, self.output = nn.BatchNorm2d(4), nn.Linear(4, 2)
        self.around = nn.Conv2d(4, 4, 1) if around else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        h = torch.relu(self.stem(x))
        return self.output(torch.relu(self.norm(self.inside(h)) + self.around(h)).mean((2, 3)))


class Excited(nn.Module):
    """Normalised units, and a gate of squeeze-and-excitation that is not."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm, self.output = nn.Conv2d(1, 8, 1), nn.BatchNorm2d(8), nn.Linear(8, 2)
        self.squeeze, self.excite = nn.Linear(8, 4), nn.Linear(4, 8)

    def forward(self, x: Tensor) -> Tensor:
        h = torch.relu(self.norm(self.conv(x)))
        gates = torch.sigmoid(self.excite(torch.relu(self.squeeze(h.mean((2, 3))))))
        return self.output((h * gates[:, :, None, None]).mean((2, 3)))


class Doubled(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x + torch.relu(x)


def after_flatten(*inside: nn.Module) -> nn.Sequential:
    return nn.Sequential(nn.Flatten(), *inside)


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (after_flatten(nn.Linear(36, 2)), "a hidden layer is needed; it has an output alone"),
        (after_flatten(nn.Linear(36, 1), nn.ReLU(), nn.Linear(1, 2)), "'layer 1'; 2 units at least"),
        (
            nn.Sequential(nn.Conv2d(1, 4, 3), nn.Conv2d(4, 4, 3, groups=2), nn.Flatten(), nn.Linear(16, 2)),
            "'a grouped convolution (1)'",
        ),
        (Twice(), "'a module that is used twice (same)'"),
        (Own(), "'the parameter matrix of Own (the module itself)'"),
        (after_flatten(nn.Linear(36, 4), nn.LayerNorm(4), nn.Linear(4, 2)), "weight of LayerNorm (2)'"),
        (nn.Sequential(nn.Flatten(2), nn.MultiheadAttention(36, 2)), "MultiheadAttention (1)"),
        (Concatenated(), "'units that are not read whole, one beside the other, as they are made (output)'"),
        (Around(True), "'units that are read both with and without batch normalisation (inside)'"),
        (Around(False), "'units that are read both with and without batch normalisation (stem)'"),
        (Tied(), "'; they may not be concatenated, split, transposed, normalised together or flattened"),
        (
            nn.Sequential(nn.Flatten(1, 2), nn.Linear(6, 4), nn.ReLU(), nn.Flatten(), nn.Linear(24, 2)),
            "they are made (4)'; they may not be concatenated, split, transposed, normalised together or",
        ),
        (nn.Sequential(nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 2)), "(1, 6, 6)'; it cannot take"),
    ],
)  # fmt: skip
def test_refused(module: nn.Module, message: str) -> None:
    with pytest.raises(pb.RequestError, match=re.escape(message)):
        find_layers(module, X)


def test_what_multiplies_units_needs_no_normalisation() -> None:
    assert [layer.name for layer in find_layers(Excited(), X)] == ["conv", "squeeze"]


def test_ways_that_part_and_meet_are_followed_once() -> None:
    doubled = [Doubled() for _ in range(40)]
    module = after_flatten(nn.Linear(36, 4), *doubled, nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 2))
    assert [layer.units for layer in find_layers(module, X)] == [4]


def test_the_module_is_left_as_it_was() -> None:
    module = nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten(), nn.Linear(48, 2))
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    state = torch.get_rng_state()
    find_layers(module, torch.randn(4, 1, 6, 6, generator=torch.Generator().manual_seed(0)))
    assert torch.equal(state, torch.get_rng_state())
    assert module.training
    for name, tensor in module.state_dict().items():
        assert torch.equal(tensor, before[name])
