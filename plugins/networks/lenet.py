"""LeNet-5: LeCun et al. 1998, "Gradient-Based Learning Applied to Document Recognition"."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta
from torch import nn

import prunebench as pb


@dataclass(frozen=True)
class LeNet(pb.Network):
    """Two convolutions of 5 x 5 (6 and 16 channels) and two linear layers (120 and 84 units).

    `width` multiplies all of these. They are C1, C3, C5 and F6 of section II.B; images of 28 x 28 are padded
    to 32 x 32 as there.

    Deviations, as usual today: ReLU, max pooling without weights, every channel of C3 sees all of C1's, a
    linear output.
    """

    name = "lenet"
    paper = "LeCun et al. 1998, LeNet-5"

    width: Annotated[float, Meta(gt=0, le=64)] = 1.0

    def build(self, shape: tuple[int, ...], outputs: int) -> nn.Module:
        """Initialised as PyTorch does."""
        if len(shape) != 3 or min(shape[1:]) < 12:
            accepted = "images (channels, height, width) of 12 x 12 or more are needed"
            raise pb.RequestError("network", f"lenet for samples of shape {shape}", accepted)
        channels, height, columns = shape
        first, second, third, fourth = (max(2, round(self.width * units)) for units in (6, 16, 120, 84))
        flat = second * ((height // 2 - 4) // 2) * ((columns // 2 - 4) // 2)
        return nn.Sequential(
            OrderedDict(
                conv1=nn.Conv2d(channels, first, 5, padding=2), relu1=nn.ReLU(), pool1=nn.MaxPool2d(2),
                conv2=nn.Conv2d(first, second, 5), relu2=nn.ReLU(), pool2=nn.MaxPool2d(2),
                flatten=nn.Flatten(),
                fc1=nn.Linear(flat, third), relu3=nn.ReLU(),
                fc2=nn.Linear(third, fourth), relu4=nn.ReLU(),
                output=nn.Linear(fourth, outputs),
            )
        )  # fmt: skip
