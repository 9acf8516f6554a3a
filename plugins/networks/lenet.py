"""LeNet-5: LeCun et al. 1998, "Gradient-Based Learning Applied to Document Recognition"."""

from dataclasses import dataclass

from torch import nn

import prunebench as pb


@dataclass(frozen=True)
class LeNet(pb.Network):
    """Two convolutions of 5 x 5 (6 and 16 channels) and two linear layers (120 and 84 units).

    `width` multiplies all of these. Deviations, as usual today: ReLU, max pooling, no sparse
    connections.
    """

    name = "lenet"
    paper = "LeCun et al. 1998, LeNet-5"

    width: float = 1.0

    def build(self, shape: tuple[int, ...], outputs: int) -> nn.Module:
        """Initialised as PyTorch does."""
        if len(shape) != 3 or min(shape[1:]) < 12:
            accepted = "images (channels, height, width) of 12 x 12 or more are needed"
            raise pb.RequestError("lenet", shape, accepted)
        channels, height, columns = shape
        first, second, third, fourth = (max(2, round(self.width * units)) for units in (6, 16, 120, 84))
        flat = second * ((height // 2 - 4) // 2) * ((columns // 2 - 4) // 2)
        return nn.Sequential(
            nn.Conv2d(channels, first, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(first, second, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
            nn.Linear(flat, third), nn.ReLU(), nn.Linear(third, fourth), nn.ReLU(),
            nn.Linear(fourth, outputs),
        )  # fmt: skip
