"""Fully connected networks of any depth: LeCun, Denker and Solla 1989, "Optimal Brain Damage"."""

import math
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
        hidden = [part for pair in pairwise(sizes) for part in (nn.Linear(*pair), nn.ReLU())]
        return nn.Sequential(nn.Flatten(), *hidden, nn.Linear(sizes[-1], outputs))


def _numbers(widths: str) -> list[int]:
    words = widths.split("-")
    if not all(word.isdecimal() and int(word) > 1 for word in words):
        raise pb.RequestError("mlp[widths]", widths, "numbers from 2 up with dashes between them, as 100-50")
    return [int(word) for word in words]
