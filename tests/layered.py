"""Small networks of the kinds that people prune, and their inputs."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

import prunebench as pb
from prunebench.networks import Networks
from prunebench.networks.build import architecture, stack

SHAPE, CLASSES = (1, 12, 12), 3
# A file with a network of two layers for the digits.
TINY_FILE = """
import prunebench as pb
from torch import nn

class Tiny(pb.Network):
    name = "tiny"
    width: int = 8

    def build(self, shape, outputs):
        hidden = nn.Sequential(nn.Linear(64, self.width), nn.ReLU(), nn.Linear(self.width, 6), nn.ReLU())
        return nn.Sequential(nn.Flatten(), hidden, nn.Linear(6, outputs))
"""


def mlp() -> nn.Module:
    return nn.Sequential(
        nn.Flatten(), nn.Linear(144, 9), nn.ReLU(), nn.Linear(9, 7), nn.ReLU(), nn.Linear(7, CLASSES)
    )


def lenet() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 6, 3), nn.ReLU(),
        nn.MaxPool2d(2), nn.Flatten(), nn.Linear(24, 10), nn.ReLU(), nn.Linear(10, CLASSES),
    )  # fmt: skip


def vgg() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(4, 6, 3, padding=1, bias=False), nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(54, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, CLASSES),
    )  # fmt: skip


class Block(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.first_norm = nn.BatchNorm2d(outputs)
        self.second = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.second_norm = nn.BatchNorm2d(outputs)
        around = [] if stride == 1 else [nn.Conv2d(inputs, outputs, 1, stride, bias=False)]
        self.shortcut = nn.Sequential(*around, *[nn.BatchNorm2d(outputs) for _ in around])

    def forward(self, x: Tensor) -> Tensor:
        inside = torch.relu(self.first_norm(self.first(x)))
        return torch.relu(self.second_norm(self.second(inside)) + self.shortcut(x))


class ResNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem, self.norm = nn.Conv2d(1, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4)
        self.one, self.two = Block(4, 4, 1), Block(4, 6, 2)
        self.output = nn.Linear(6, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = self.two(self.one(torch.relu(self.norm(self.stem(x)))))
        return self.output(x.mean(dim=(2, 3)))


KINDS: dict[str, Callable[[], nn.Module]] = {"mlp": mlp, "lenet": lenet, "vgg": vgg, "resnet": ResNet}


@dataclass(frozen=True)
class Example(pb.Network):
    name = "example"
    kind: str = "mlp"

    def build(self, shape: tuple[int, ...], outputs: int) -> nn.Module:
        return KINDS[self.kind]()


def make(kind: str, seeds: int = 3) -> tuple[Networks, list[nn.Module]]:
    """A batch in float64, and its modules; statistics, gains and shifts are not those of a new network."""
    modules = []
    for seed in range(seeds):
        torch.manual_seed(seed)
        module = KINDS[kind]().double().eval()
        for inside in module.modules():
            if isinstance(inside, nn.BatchNorm1d | nn.BatchNorm2d):
                nn.init.normal_(inside.weight)
                nn.init.normal_(inside.bias)
                nn.init.normal_(inside.get_buffer("running_mean"))
                nn.init.uniform_(inside.get_buffer("running_var"), 0.5, 2)
        modules.append(module)
    return stack(architecture(Example(kind), SHAPE, CLASSES), modules), modules


def data(samples: int) -> tuple[Tensor, Tensor]:
    draw = torch.Generator().manual_seed(1)
    x = torch.randn((samples, *SHAPE), generator=draw, dtype=torch.float64)
    return x, torch.arange(samples) % CLASSES
