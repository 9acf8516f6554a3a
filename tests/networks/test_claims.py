"""Layers that a network says itself are held against its module: what is not so is one line."""

import re
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
import torch
from torch import Tensor, nn

import prunebench as pb
from prunebench.networks import Layer, Part
from prunebench.networks.build import architecture
from prunebench.networks.discover import find_layers

SHAPE = (2, 3, 3)
Claim = Callable[[Layer, Layer], tuple[Layer, ...]]


def part(layer: Layer, number: int, **changes: object) -> Layer:
    parts = list(layer.parts)
    parts[number] = replace(parts[number], **changes)
    return replace(layer, parts=tuple(parts))


def swapped(layer: Layer) -> Layer:
    """Incoming and outgoing weights exchanged."""
    other = {"incoming": "outgoing", "outgoing": "incoming"}
    return replace(layer, parts=tuple(replace(p, role=other.get(p.role, p.role)) for p in layer.parts))


# A layer of these has, in order: incoming weights, the bias, what normalises it, and the outgoing weights.
CLAIMS: dict[str, tuple[Claim, str]] = {
    "weights as bias": (
        lambda a, b: (part(a, 0, role="bias"), b),
        "'layer fc1: fc1.weight as bias along axis 0'; it is incoming there",
    ),
    "what reads as what makes": (
        lambda a, b: (part(a, -1, role="incoming"), b),
        "'layer fc1: fc2.weight as incoming along axis 1'; it is outgoing there",
    ),
    "an axis from the end": (
        lambda a, b: (part(a, 1, axis=-1), b),
        "'layer fc1: fc1.bias (6,)'; a tensor of 6 along axis -1 is needed",
    ),
    "bias as weights": (
        lambda a, b: (part(a, 1, role="incoming"), b),
        "'layer fc1: fc1.bias as incoming along axis 0'; it is bias there",
    ),
    "bias as statistic": (
        lambda a, b: (a, part(b, 1, role="statistic")),
        "'layer fc2: fc2.bias as statistic along axis 0'; it is bias there",
    ),
    "weights as gain": (
        lambda a, b: (part(a, 0, role="scale"), b),
        "'layer fc1: fc1.weight as scale along axis 0'; it is incoming there",
    ),
    "gain as bias": (
        lambda a, b: (
            replace(
                a, parts=tuple(replace(p, role="bias") if p.role == "scale" else p for p in a.parts)
            ),
            b,
        ),
        "'layer fc1: bn1.weight as bias along axis 0'; it is scale there",
    ),
    "sides exchanged": (
        lambda a, b: (swapped(a), b),
        "'layer fc1: fc1.weight as outgoing along axis 0'; it is incoming there",
    ),
    "nothing reads it": (
        lambda a, b: (a, replace(b, parts=b.parts[:-1])),
        "'layer fc2: no outgoing part'; units have incoming and outgoing weights",
    ),
    "twice": (
        lambda a, b: (replace(a, parts=(*a.parts, a.parts[0])), b),
        "'fc1.weight on 2 incoming sides'; every tensor is on one incoming and one outgoing side at most",
    ),
    "names exchanged": (
        lambda a, b: (replace(a, name="fc2"), replace(b, name="fc1")),
        "'layer fc2'; the path of another module; its units are made in fc1",
    ),
    "one name": (lambda a, b: (a, replace(b, name="fc1")), "'layers fc1, fc1'; each needs a name of its own"),
    "no name": (lambda a, b: (a, replace(b, name="")), "'layers fc1, (no name)'; each needs a name"),
    "another's order": (
        lambda a, b: (b, a),
        "'layers fc2, fc1'; they stand in the order in which they run: fc1, fc2",
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Claiming(pb.Network):
    """Two layers, the first with batch normalisation."""

    name = "claiming"
    claim: str = ""

    def build(self, shape: tuple[int, ...], outputs: int) -> nn.Module:
        parts = {"flat": nn.Flatten(), "fc1": nn.Linear(18, 6), "bn1": nn.BatchNorm1d(6), "act": nn.ReLU()}
        parts |= {"fc2": nn.Linear(6, 5), "act2": nn.ReLU(), "output": nn.Linear(5, outputs)}
        module = nn.Sequential()
        for name, inside in parts.items():
            module.add_module(name, inside)
        return module

    def layers(self, module: nn.Module, x: Tensor) -> tuple[Layer, ...]:
        first, second = find_layers(module, x)
        return CLAIMS[self.claim][0](first, second) if self.claim else (first, second)


@pytest.mark.parametrize("claim", CLAIMS)
def test_what_is_not_so_is_refused(claim: str) -> None:
    with pytest.raises(pb.RequestError, match=re.escape(CLAIMS[claim][1])) as caught:
        architecture(Claiming(claim), SHAPE, 3)
    assert "\n" not in str(caught.value)


class Matrices(nn.Module):
    """Parameters of no ordinary module, and what is added to units with axes of size 1 beside theirs."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.read = nn.Parameter(torch.randn(6, inputs))
        self.shift = nn.Parameter(torch.randn(1, 6))
        self.act, self.second = nn.ReLU(), nn.Linear(6, 5)
        self.weight = nn.Parameter(torch.randn(5, outputs))

    def forward(self, x: Tensor) -> Tensor:
        h = self.act(x.flatten(1) @ self.read.T + self.shift)
        return torch.relu(self.second(h)) @ self.weight


@dataclass(frozen=True)
class Free(pb.Network):
    name = "free"
    layer: str = "hidden"

    def build(self, shape: tuple[int, ...], outputs: int) -> nn.Module:
        return Matrices(18, outputs)

    def layers(self, module: nn.Module, x: Tensor) -> tuple[Layer, ...]:
        first = Part("read", 0, "incoming"), Part("shift", 1, "bias"), Part("second.weight", 1, "outgoing")
        made = Part("second.weight", 0, "incoming"), Part("second.bias", 0, "bias")
        return Layer(self.layer, 6, first), Layer("second", 5, (*made, Part("weight", 0, "outgoing")))


@dataclass(frozen=True)
class Renamed(Claiming):
    name = "renamed"

    def build(self, shape: tuple[int, ...], outputs: int) -> nn.Module:
        return nn.Sequential(
            OrderedDict(block=super().build(shape, outputs)[:4], rest=super().build(shape, outputs)[4:])
        )

    def layers(self, module: nn.Module, x: Tensor) -> tuple[Layer, ...]:
        first, second = find_layers(module, x)
        return replace(first, name="block"), replace(second, name="second")


def test_layers_may_have_names_of_their_own_or_of_what_they_are_in() -> None:
    assert [layer.name for layer in architecture(Renamed(), SHAPE, 3).layers] == ["block", "second"]


def test_parameters_of_no_ordinary_module_are_what_they_are_said_to_be() -> None:
    assert architecture(Claiming(), SHAPE, 3).units == 11
    assert architecture(Free(), SHAPE, 3).units == 11
    with pytest.raises(pb.RequestError, match=r"layer act'; the path of another .* made in none"):
        architecture(Free("act"), SHAPE, 3)
