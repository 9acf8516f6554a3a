"""Built-in networks keep the contract, and `prunebench check` says what is wrong with others."""

import math
import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import prunebench as pb
from prunebench.cli.main import run
from prunebench.networks import Layer
from prunebench.networks.discover import find_layers
from prunebench.plugin.conformance import Finding
from prunebench.testing import NetworkConformance
from prunebench.training.conformance import NETWORK_CHECKS

SPECS = [
    "shallow",
    "mlp",
    "lenet",
    "vgg",
    "vgg[batch_norm=false]",
    "vgg[depth=11,width=0.1]",
    "resnet[depth=8]",
]


@pytest.mark.parametrize("spec", SPECS)
def test_built_in_networks(spec: str) -> None:
    assert [
        str(f) for f in NETWORK_CHECKS.run(pb.load_network(spec)) if f.status not in ("passed", "reported")
    ] == []


class Masked(pb.Network):
    """With constants of -inf, and of yes and no."""

    name = "masked"

    def build(self, shape: tuple[int, ...], outputs: int) -> nn.Module:
        class Module(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.hidden, self.output = nn.Linear(math.prod(shape), 8), nn.Linear(8, outputs)
                self.register_buffer("mask", torch.tensor([0.0, -torch.inf]))
                self.register_buffer("whole", torch.tensor([True, False]))

            def forward(self, x: Tensor) -> Tensor:
                both = torch.stack([torch.relu(self.hidden(x.flatten(1)))] * 2, dim=2)
                return self.output(torch.where(self.whole, both, both + self.mask).amax(dim=2))

        return Module()


def test_infinite_constants_are_no_fault() -> None:
    findings = NETWORK_CHECKS.run(Masked())
    assert {finding.status for finding in findings} <= {"passed", "reported"}


@pytest.mark.slow
@pytest.mark.parametrize("spec", ["torchvision", "resnet", "vgg[depth=16]"])
def test_large_built_in_networks(spec: str) -> None:
    test_built_in_networks(spec)


class Good(pb.Network):
    name = "good"
    width: int = 8

    def build(self, shape: tuple[int, ...], outputs: int) -> nn.Module:
        return nn.Sequential(
            nn.Flatten(), nn.LazyLinear(self.width), nn.ReLU(), nn.Linear(self.width, outputs)
        )


class Seeded(Good):
    name = "seeded"

    def build(self, shape: tuple[int, ...], outputs: int) -> nn.Module:
        torch.manual_seed(0)
        return super().build(shape, outputs)


class Counts(Good):
    """Networks that were built later are larger."""

    name = "counts"
    built = 0

    def build(self, shape: tuple[int, ...], outputs: int) -> nn.Module:
        type(self).built += 1
        module = nn.Sequential(nn.Flatten(), nn.Linear(144, 8), nn.ReLU(), nn.Linear(8, outputs))
        nn.init.constant_(module[3].bias, float(self.built))
        return module


class Fixed(Good):
    """Its first layer is drawn by a generator of its own."""

    name = "fixed"

    def build(self, shape: tuple[int, ...], outputs: int) -> nn.Module:
        module = nn.Sequential(nn.Flatten(), nn.Linear(144, 8), nn.ReLU(), nn.Linear(8, outputs))
        nn.init.normal_(module[1].weight, generator=torch.Generator().manual_seed(0))
        return module


class Identity(Good):
    """Its second layer begins as it is meant to."""

    name = "identity"

    def build(self, shape: tuple[int, ...], outputs: int) -> nn.Module:
        layers = nn.LazyLinear(8), nn.ReLU(), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, outputs)
        nn.init.eye_(layers[2].weight)
        return nn.Sequential(nn.Flatten(), *layers)


class OfOneShape(Good):
    """Takes samples of its own shape alone."""

    name = "of_one_shape"
    sizes: str = "1-8-8"

    def build(self, shape: tuple[int, ...], outputs: int) -> nn.Module:
        if shape != tuple(map(int, self.sizes.split("-"))):
            raise pb.RequestError("network", shape, f"{self.sizes} is needed")
        return super().build(shape, outputs)


class Averages(nn.Module):
    """Of more samples than a module is tried with when it is taken."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.output = nn.Linear(144, 8), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = x.flatten(1)
        return self.output(torch.relu(self.first(x - x.mean(dim=0) * (len(x) > 2))))


class Batch(Good):
    name = "batch"

    def build(self, shape: tuple[int, ...], outputs: int) -> nn.Module:
        return Averages()


class Drops(Good):
    """Leaves out a layer so seldom that no forward pass is another one when repeated."""

    name = "drops"
    of: str = "random"

    def build(self, shape: tuple[int, ...], outputs: int) -> nn.Module:
        draw = random.random if self.of == "random" else np.random.random

        class Part(nn.Sequential):
            def forward(self, x: Tensor) -> Tensor:
                return super().forward(x) * (0 if self.training and draw() < 1e-9 else 1)

        hidden = Part(nn.Flatten(), nn.LazyLinear(8), nn.ReLU())
        return nn.Sequential(hidden, nn.Linear(8, outputs))


class Halved(Good):
    """Says that there is one layer where there are two."""

    name = "halved"

    def build(self, shape: tuple[int, ...], outputs: int) -> nn.Module:
        return nn.Sequential(
            nn.Flatten(), nn.Linear(144, 8), nn.ReLU(), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, outputs)
        )

    def layers(self, module: nn.Module, x: Tensor) -> tuple[Layer, ...]:
        return find_layers(module, x)[1:]


class Root(nn.Module):
    """It has no slope at 0."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x).sqrt()


class Bent(Good):
    """Its nonlinearity has no second derivative in PyTorch, or an infinite one."""

    name = "bent"
    by: str = "hardsigmoid"

    def build(self, shape: tuple[int, ...], outputs: int) -> nn.Module:
        bends = nn.Hardsigmoid() if self.by == "hardsigmoid" else Root()
        return nn.Sequential(nn.Flatten(), nn.LazyLinear(8), bends, nn.Linear(8, outputs))


def failures(network: pb.Network) -> Iterator[Finding]:
    return (finding for finding in NETWORK_CHECKS.run(network) if finding.status == "failed")


@pytest.mark.parametrize(
    ("network", "check", "seen"),
    [
        (Seeded(), "seeds", "two seeds have the same weights: 1.weight, 1.bias, 3.weight, 3.bias"),
        (Fixed(), "seeds", "two seeds have the same weights: 1.weight"),
        (Drops(of="random"), "builds", "random numbers of Part (0)"),
        (Drops(of="numpy"), "builds", "random numbers of Part (0)"),
        (Counts(), "seeds", "of seed 11 alone and in a batch with 3 differ"),
        (Batch(), "samples", "a sample's logits alone and among others differ by"),
        (Bent(by="root"), "derivatives", "a product with the Hessian is not finite: 1.weight, 1.bias"),
    ],
)
def test_what_is_wrong_is_said(network: pb.Network, check: str, seen: str) -> None:
    [finding] = failures(network)
    assert finding.check == check
    assert seen in finding.seen
    assert finding.expected
    assert finding.cause


def test_a_derivative_that_pytorch_has_not_is_told_and_no_fault() -> None:
    found = {finding.check: finding for finding in NETWORK_CHECKS.run(Bent())}
    assert found["derivatives"].status == "reported"
    assert (
        "no product with the Hessian, for which some scorers ask (RuntimeError" in found["derivatives"].seen
    )
    assert "failed" not in {finding.status for finding in found.values()}


class OfClasses(Good):
    """What gives the logits is two layers, whose biases are no units' either."""

    name = "of_classes"

    def build(self, shape: tuple[int, ...], outputs: int) -> nn.Module:
        class Module(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.norm, self.hidden = nn.BatchNorm1d(math.prod(shape)), nn.Linear(math.prod(shape), 8)
                self.each, self.all = nn.Linear(8, outputs), nn.Linear(8, 1)

            def forward(self, x: Tensor) -> Tensor:
                h = torch.relu(self.hidden(self.norm(x.flatten(1))))
                return self.each(h) + self.all(h)

        return Module()


@pytest.mark.parametrize(
    ("network", "rest"), [(Halved(), "1.weight, 1.bias"), (OfClasses(), "norm.weight, norm.bias, all.bias")]
)
def test_what_is_of_no_unit_is_told_and_no_fault(network: pb.Network, rest: str) -> None:
    found = {finding.check: finding for finding in NETWORK_CHECKS.run(network)}
    assert {finding.status for finding in found.values()} == {"passed", "reported"}
    assert found["parts"].seen == f"of no unit, and left as it is by pruning: {rest}"
    assert found["training"].status == "passed"


@pytest.mark.parametrize(
    "network", [Identity(), OfOneShape(), OfOneShape(sizes="6-8")], ids=["identity", "digits", "tokens"]
)
def test_what_is_no_fault(network: pb.Network) -> None:
    assert [*failures(network)] == []


class TestGood(NetworkConformance):
    network = Good(width=5)


FILE = """
import prunebench as pb
from torch import nn

class Good(pb.Network):
    name = "good"
    def build(self, shape, outputs):
        return nn.Sequential(nn.Flatten(), nn.LazyLinear(8), nn.ReLU(), nn.Linear(8, outputs))

class Drops(pb.Network):
    name = "drops"
    def build(self, shape, outputs):
        return nn.Sequential(
            nn.Flatten(), nn.LazyLinear(8), nn.ReLU(), nn.Dropout(), nn.Linear(8, outputs)
        )

class Raises(pb.Network):
    name = "raises"
    def build(self, shape, outputs):
        return 1 / 0

class Norm(pb.Scorer):
    name = "norm"
    def score(self, snapshot):
        return snapshot.networks.norms()
"""


def test_a_file_of_scorers_and_networks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(FILE)
    assert run(["check", "mine.py"]) == 1
    out = capfd.readouterr().out
    assert "1 of 1 scorers and 1 of 3 networks keep the contract" in out
    assert "random numbers of Dropout (3)" in out
    assert "ZeroDivisionError: division by zero (mine.py:20 in build)" in out
    assert run(["check", "mine.py:Good", "lenet[width=0.5]"]) == 0
    assert "2 of 2 networks keep the contract" in capfd.readouterr().out
    assert run(["check", "lent"]) == 2
    assert "did you mean 'lenet'" in capfd.readouterr().err


class TestOfOneShape(NetworkConformance):
    network = OfOneShape(sizes="2-5-5")
    shape = (2, 5, 5)


FIXED = """
import prunebench as pb
from torch import nn

class Fixed(pb.Network):
    name = "fixed"
    def build(self, shape, outputs):
        return nn.Sequential(nn.Flatten(), nn.Linear(50, 8), nn.ReLU(), nn.Linear(8, outputs))
"""


def test_a_shape_that_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(FIXED)
    assert run(["check", "mine.py"]) == 1
    assert "FAILED builds" in capfd.readouterr().out
    assert run(["check", "mine.py", "--shape", "2,5,5"]) == 0
    assert "of 32 samples of (2, 5, 5)" in capfd.readouterr().out
    assert run(["check", "mine.py", "--shape", "7"]) == 1
    assert "(7,): network: got 'inputs of shape (7,)'" in capfd.readouterr().out
    for given, said in (
        ("0,5", "--shape: got 0; a whole number from 1 to 100,000"),
        ("a", "--shape: got 'a'"),
        ("", "--shape: got ''"),
    ):
        assert run(["check", "mine.py", "--shape", given]) == 2
        assert said in capfd.readouterr().err
    assert run(["check", "snip", "--shape", "7"]) == 2
    assert "--shape: got '7'; it is that of a network's samples" in capfd.readouterr().err
