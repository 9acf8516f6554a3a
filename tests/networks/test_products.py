"""Gradients of single samples: from one backward pass where a network is made of products alone."""

import copy
from typing import TypeVar, cast

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import batch_norm, conv2d, linear

import prunebench as pb
from prunebench.networks.derivatives import Objective
from prunebench.networks.layers import Layer, Part

Norm = TypeVar("Norm", nn.BatchNorm1d, nn.BatchNorm2d)


class Twice(nn.Module):
    """One matrix multiplies two vectors of each sample; or with `lent`, one, and its bias is added before."""

    def __init__(self, lent: bool) -> None:
        super().__init__()
        self.inner, self.output, self.lent = nn.Linear(4, 4), nn.Linear(4, 2), lent

    def forward(self, x: Tensor) -> Tensor:
        before = x + torch.stack([self.inner.bias]) if self.lent else torch.relu(self.inner(x))
        hidden = torch.relu(self.inner(before))
        return linear(hidden, self.output.weight, self.output.bias)


class Spare(nn.Module):
    """A head whose outputs nobody takes."""

    def __init__(self) -> None:
        super().__init__()
        self.output, self.spare = nn.Linear(4, 2), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        self.spare(x)
        return cast(Tensor, self.output(x))


class Fixed(nn.Module):
    """A layer that learns nothing from what it makes."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.output = nn.Linear(4, 4), nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            hidden = self.inner(x)
        return cast(Tensor, self.output(hidden))


class Idle(nn.Linear):
    """With a number that nobody reads."""

    def __init__(self) -> None:
        super().__init__(4, 2)
        self.idle = nn.Parameter(torch.ones(()))


class Tied(nn.Module):
    """A gain that is added, too."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = normalised(nn.BatchNorm1d(4))
        self.norm.register_parameter("bias", None)

    def forward(self, x: Tensor) -> Tensor:
        own = self.norm
        return batch_norm(x, own.running_mean, own.running_var, own.weight, own.weight)[:, :2]


class Functions(nn.Module):
    """PyTorch's functions with what they take by default, and arguments by their names."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(1, 2, 2), normalised(nn.BatchNorm2d(2))

    def forward(self, x: Tensor) -> Tensor:
        h = conv2d(bias=self.conv.bias, weight=self.conv.weight, input=x.unflatten(1, (1, 2, 2)))
        own = self.norm
        return batch_norm(h, own.running_mean, own.running_var, own.weight, own.bias).flatten(1)


def normalised(module: Norm) -> Norm:
    """As trained ones are: statistics, gain and shift of its own."""
    drawn = torch.Generator().manual_seed(3)
    for tensor in (module.running_mean, module.running_var, module.weight.data, module.bias.data):
        assert tensor is not None
        tensor.copy_(0.5 + torch.rand(tensor.shape, generator=drawn))
    return module


IMAGE = nn.Unflatten(1, (1, 2, 2))
MODULES = {
    "mlp": (nn.Sequential(nn.Flatten(), nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 2)), True),
    "in place": (nn.Sequential(nn.Linear(4, 5), nn.ReLU(inplace=True), nn.Linear(5, 2)), True),
    "functions": (Functions(), True),
    "spare": (Spare(), True),
    "fixed": (Fixed(), True),
    "normalised": (
        nn.Sequential(nn.Linear(4, 5), normalised(nn.BatchNorm1d(5, eps=0.1)), nn.Linear(5, 2)),
        True,
    ),
    "sequences": (
        nn.Sequential(nn.Unflatten(1, (2, 2)), normalised(nn.BatchNorm1d(2)), nn.Flatten(), nn.Linear(4, 2)),
        True,
    ),
    "convolution": (nn.Sequential(IMAGE, nn.Conv2d(1, 2, 2), nn.Flatten()), True),
    "images": (
        nn.Sequential(
            *(IMAGE, nn.Conv2d(1, 3, 2, padding=(2, 1), stride=(1, 2), dilation=2, bias=False)),
            *(normalised(nn.BatchNorm2d(3)), nn.ReLU(inplace=True), nn.Conv2d(3, 2, (2, 1)), nn.Flatten()),
            nn.Linear(6, 2),
        ),
        True,
    ),
    "same": (nn.Sequential(IMAGE, nn.Conv2d(1, 2, 1, padding="same"), nn.Flatten(), nn.Linear(8, 2)), False),
    "groups": (
        nn.Sequential(IMAGE, nn.Conv2d(1, 2, 1), nn.Conv2d(2, 2, 2, groups=2), nn.Flatten()),
        False,
    ),
    "positions": (nn.Sequential(nn.Unflatten(1, (2, 2)), nn.Linear(2, 1), nn.Flatten()), False),
    "idle": (Idle(), False),
    "tied": (Tied(), False),
    "twice": (Twice(lent=False), False),
    "lent": (Twice(lent=True), False),
}


@pytest.fixture
def in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three samples run together, and the last of seven alone."""
    for limit in ("SAMPLES_AT_ONCE", "PRODUCTS_AT_ONCE"):
        monkeypatch.setattr(f"prunebench.networks.derivatives.{limit}", 3)


@pytest.mark.usefixtures("in_parts")
@pytest.mark.parametrize("name", MODULES)
def test_squares_are_those_of_each_sample(name: str) -> None:
    module, of_products = MODULES[name]
    module = copy.deepcopy(module).double().eval()
    x, y = torch.randn(7, 4, generator=torch.Generator().manual_seed(0)).double(), torch.arange(7) % 2
    weights = {name: tensor.detach().double() for name, tensor in module.named_parameters()}
    objective = Objective(lambda: module, "cross_entropy")
    assert (objective._squares_of_products(weights, {}, x, y, 3) is not None) == of_products
    with torch.no_grad():
        found = objective.mean_squares(weights, {}, x, y)
        each = [objective.gradient(weights, {}, x[s : s + 1], y[s : s + 1]) for s in range(7)]
    for each_name, tensor in found.items():
        mean = torch.stack([one[each_name].square() for one in each]).mean(dim=0)
        torch.testing.assert_close(tensor, mean, rtol=1e-12, atol=1e-18)
        assert not tensor.requires_grad


def test_of_more_numbers_than_are_kept_samples_go_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    module = Twice(lent=False)
    weights = {name: tensor.detach() for name, tensor in module.named_parameters()}
    x, y = torch.randn(3, 4), torch.arange(3) % 2
    found = Objective(lambda: module, "cross_entropy").mean_squares(weights, {}, x, y)
    monkeypatch.setattr("prunebench.networks.derivatives.NUMBERS_AT_ONCE", 1)
    again = Objective(lambda: module, "cross_entropy").mean_squares(weights, {}, x, y)
    torch.testing.assert_close(again, found)


def test_the_papers_network_is_made_of_products(monkeypatch: pytest.MonkeyPatch) -> None:
    networks = pb.initialise(pb.Recipe(width=6, init_std=0.5), 4, range(2)).to(dtype=torch.float64)
    x, y = torch.randn(9, 4).double(), torch.arange(9) % 2
    found = networks.fisher_diagonal(x, y)
    monkeypatch.setattr(Objective, "_squares_of_products", lambda *_: None)
    for name, squares in networks.fisher_diagonal(x, y).tensors.items():
        torch.testing.assert_close(found[name], squares, rtol=1e-12, atol=1e-18)


@pytest.mark.usefixtures("in_parts")
@pytest.mark.parametrize(
    ("network", "shape"),
    [("shallow", 9), ("mlp", (1, 3, 3)), ("lenet", (1, 28, 28)), ("resnet[depth=8]", (2, 8, 8))],
)
def test_gates_of_products_are_those_of_each_sample(
    network: str, shape: int | tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = pb.Recipe(width=6, init_std=0.5) if network == "shallow" else pb.Recipe(network=network)
    networks = pb.initialise(recipe, shape, range(2), outputs=3, dtype=torch.float64)
    x = torch.randn(7, *(shape if isinstance(shape, tuple) else (shape,)), dtype=torch.float64)
    y = torch.arange(7) % 3
    by_products = Objective._gates_of_products
    with torch.no_grad():
        found = networks.gate_gradients(x, y)
    taken: list[Tensor | None] = []
    monkeypatch.setattr(Objective, "_gates_of_products", lambda *args: taken.append(by_products(*args)))
    torch.testing.assert_close(networks.gate_gradients(x, y), found, rtol=1e-11, atol=1e-14)
    assert [one is not None for one in taken] == [True, True]


@pytest.mark.parametrize(
    ("name", "outgoing", "axis"),
    [
        ("twice", "inner.weight", 1),
        ("positions", "1.weight", 1),
        ("groups", "2.weight", 0),
    ],
)
def test_gates_elsewhere_are_taken_sample_by_sample(name: str, outgoing: str, axis: int) -> None:
    """By what the weights do otherwise, and of samples that cannot be told from positions."""
    module = copy.deepcopy(MODULES[name][0]).double().eval()
    weights = {name: tensor.detach() for name, tensor in module.named_parameters()}
    x, y = torch.randn(5, 4, dtype=torch.float64), torch.arange(5) % 2
    layer = Layer("units", weights[outgoing].shape[axis], (Part(outgoing, axis, "outgoing"),))
    objective = Objective(lambda: module, "cross_entropy")
    gates = torch.ones(layer.units, dtype=torch.float64)

    def gated(own: Tensor) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        factors = layer.parts[0].spread(own[None], weights[outgoing][None])[0]
        return {**weights, outgoing: weights[outgoing] * factors}, {}

    assert objective._gates_of_products([layer], weights, {}, x, y) is None
    with torch.no_grad():
        found = objective.by_gates([layer], gated, gates, x, y)
    for s in range(5):
        own = gates.clone().requires_grad_()
        (expected,) = torch.autograd.grad(objective(*gated(own), x[s : s + 1], y[s : s + 1]), own)
        torch.testing.assert_close(found[s], expected, rtol=1e-11, atol=1e-14)
