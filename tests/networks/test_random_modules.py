"""Modules of usual parts at random: derivatives are autograd's, and units that are cut off are gone."""

import random
from dataclasses import dataclass

import pytest
import torch
from layered import CLASSES, SHAPE, data
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.functional import cross_entropy

import prunebench as pb
from prunebench.networks.build import architecture, stack
from prunebench.networks.proof import half_of

MODULES = 16
SMOOTH = (nn.Tanh, nn.GELU, nn.Softplus, nn.Identity)
IN_PLACE = (nn.ReLU, nn.LeakyReLU, nn.SiLU, nn.ELU, nn.Hardswish)


def activation(draw: random.Random) -> nn.Module:
    if draw.random() < 0.3:
        return draw.choice(SMOOTH)()
    return draw.choice(IN_PLACE)(inplace=draw.random() < 0.6)


class Shortcut(nn.Module):
    """Two convolutions, around which what they read is added, perhaps in place."""

    def __init__(self, channels: int, normalised: bool, draw: random.Random) -> None:
        super().__init__()
        inside, self.in_place = draw.randint(2, 5), draw.random() < 0.5
        self.way = nn.Sequential(
            nn.Conv2d(channels, inside, 3, padding=1, bias=draw.random() < 0.5),
            nn.BatchNorm2d(inside) if draw.random() < 0.6 else nn.Identity(),
            activation(draw),
            nn.Conv2d(inside, channels, draw.choice((1, 3)), padding="same"),
            nn.BatchNorm2d(channels) if normalised else nn.Identity(),
        )
        self.last = activation(draw)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.way(x)
        y = y.add_(x) if self.in_place else y + x
        return self.last(y)


def module_of(number: int) -> nn.Module:
    """Convolutions, then linear layers, each with or without all that may follow."""
    draw = random.Random(number)
    parts: list[nn.Module] = []
    channels, size = SHAPE[0], SHAPE[1]
    for _ in range(draw.randint(0, 2)):
        kernel, stride, padding = draw.choice((1, 2, 3)), draw.choice((1, 1, 2)), draw.choice((0, 1))
        mode, units = draw.choice(("zeros", "circular", "reflect")), draw.randint(3, 6)
        parts.append(nn.Conv2d(channels, units, kernel, stride, padding, padding_mode=mode))
        channels, size = units, (size + 2 * padding - kernel) // stride + 1
        normalised = draw.random() < 0.5
        parts += [nn.BatchNorm2d(channels, affine=draw.random() < 0.8)] if normalised else []
        parts.append(activation(draw))
        parts += [Shortcut(channels, normalised, draw)] if draw.random() < 0.5 else []
        if size >= 4 and draw.random() < 0.5:
            parts.append(draw.choice((nn.MaxPool2d, nn.AvgPool2d))(2))
            size //= 2
    parts.append(nn.Flatten())
    numbers = channels * size**2
    for _ in range(draw.randint(1, 2)):
        units = draw.randint(3, 8)
        parts.append(nn.Linear(numbers, units, bias=draw.random() < 0.7))
        parts += [nn.BatchNorm1d(units)] if draw.random() < 0.3 else []
        parts.append(activation(draw))
        numbers = units
    return nn.Sequential(*parts, nn.Linear(numbers, CLASSES, bias=draw.random() < 0.8))


@dataclass(frozen=True)
class Made(pb.Network):
    name = "made"
    number: int = 0

    def build(self, shape: tuple[int, ...], outputs: int) -> nn.Module:
        return module_of(self.number)


@pytest.mark.parametrize("number", range(MODULES))
def test_networks_of_a_module_are_that_module(number: int) -> None:
    torch.manual_seed(number)
    module = module_of(number).double().eval()
    for inside in module.modules():
        if isinstance(inside, nn.BatchNorm1d | nn.BatchNorm2d):
            inside.get_buffer("running_mean").normal_()
            inside.get_buffer("running_var").uniform_(0.5, 2)
    networks = stack(architecture(Made(number), SHAPE, CLASSES), [module])
    (x, y), weights = data(9), {name: tensor.detach() for name, tensor in module.named_parameters()}
    assert_equal(networks.logits(x)[0], module(x).detach())

    def gradient(x: Tensor, y: Tensor, again: bool = False) -> dict[str, Tensor]:
        leaves = {name: tensor.clone().requires_grad_() for name, tensor in weights.items()}
        loss = cross_entropy(functional_call(module, leaves, (x,)), y)
        found = torch.autograd.grad(loss, list(leaves.values()), create_graph=again)
        if again:
            along = [(one * weights[name]).sum() for name, one in zip(leaves, found, strict=True)]
            found = torch.autograd.grad(torch.stack(along).sum(), list(leaves.values()))
        return dict(zip(leaves, found, strict=True))

    samples = [gradient(*sample) for sample in zip(x.split(1), y.split(1), strict=True)]
    squares = {name: torch.stack([one[name].square() for one in samples]).mean(dim=0) for name in weights}
    for found, expected in (
        (networks.gradient(x, y), gradient(x, y)),
        (networks.hessian_vector_product(networks, x, y), gradient(x, y, again=True)),
        (networks.fisher_diagonal(x, y), squares),
    ):
        largest = max(float(tensor.abs().max()) for tensor in expected.values())
        for name, tensor in expected.items():
            assert_equal(found[name][0], tensor, largest)
    kept, gates = half_of(networks, networks.layers, torch.Generator().manual_seed(number))
    assert_equal(networks.keep(kept).logits(x), networks.gated(gates).logits(x))


def assert_equal(found: Tensor, expected: Tensor, scale: float | None = None) -> None:
    within = 1e-11 * (float(expected.abs().max()) if scale is None else scale)
    torch.testing.assert_close(found, expected, rtol=0, atol=within)
