"""Fully connected networks of any depth: LeCun, Denker and Solla 1989, "Optimal Brain Damage"."""

import math
from collections import OrderedDict
from dataclasses import dataclass
from itertools import pairwise

from torch import nn

import prunebench as pb


@dataclass(frozen=True)
class MLP(pb.Network):
    """Linear layers with ReLU between them; inputs are flattened.

    `widths`: units of the hidden layers from first to last, with dashes between them.
    """

    name = "mlp"
    paper = "LeCun et al. 1989, Optimal Brain Damage"

    widths: str = "100-100-100"

    def build(self, shape: tuple[int, ...], outputs: int) -> nn.Module:
        """Initialised as PyTorch does."""
        sizes = [math.prod(shape), *_numbers(self.widths)]
        layers: OrderedDict[str, nn.Module] = OrderedDict(flatten=nn.Flatten())
        for number, (inputs, units) in enumerate(pairwise(sizes), start=1):
            layers |= {f"fc{number}": nn.Linear(inputs, units), f"relu{number}": nn.ReLU()}
        return nn.Sequential(layers | {"output": nn.Linear(sizes[-1], outputs)})


def _numbers(widths: str) -> list[int]:
    words = widths.split("-")
    if not all(word.isdecimal() and 2 <= int(word) <= 1_000_000 for word in words):
        accepted = "numbers from 2 to 1,000,000 with dashes between them, as 100-50"
        raise pb.RequestError("mlp[widths]", widths, accepted)
    return [int(word) for word in words]
