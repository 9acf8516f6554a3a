"""ResNet: He, Zhang, Ren and Sun 2016, "Deep Residual Learning for Image Recognition"; the form for CIFAR."""

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

import prunebench as pb


@dataclass(frozen=True)
class ResNet(pb.Network):
    """Three stages of residual blocks with 16, 32 and 64 channels (section 4.2 of the paper).

    `depth`: layers with weights, 6 n + 2 for n blocks a stage. `width` multiplies the numbers of channels.
    The channels of a stage are joined by its shortcuts: they are units with several producers.

    Deviation: where a stage begins the shortcut is a convolution of 1 x 1 (the paper's option B), since units
    that are padded with zeros (option A) are no ones of the layer before.
    """

    name = "resnet"
    paper = "He et al. 2016, ResNet"

    depth: Literal["8", "14", "20", "32", "44", "56"] = "20"
    width: float = 1.0

    def build(self, shape: tuple[int, ...], outputs: int) -> nn.Module:
        """Initialised as PyTorch does."""
        if len(shape) != 3 or min(shape[1:]) < 4:
            accepted = "images (channels, height, width) of 4 x 4 or more are needed"
            raise pb.RequestError("resnet", shape, accepted)
        channels = [max(2, round(self.width * count)) for count in (16, 32, 64)]
        layers: list[nn.Module] = [
            nn.Conv2d(shape[0], channels[0], 3, padding=1, bias=False),
            nn.BatchNorm2d(channels[0]),
            nn.ReLU(),
        ]
        previous = channels[0]
        for stage, count in enumerate(channels):
            for block in range((int(self.depth) - 2) // 6):
                layers.append(Block(previous, count, stride=2 if stage and not block else 1))
                previous = count
        return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(previous, outputs))


class Block(nn.Module):
    """Two convolutions whose output is added to their input."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.inside = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(),
            nn.Conv2d(outputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs),
        )  # fmt: skip
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1 or inputs != outputs:
            self.shortcut = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x: Float[Tensor, "samples inputs h w"]) -> Float[Tensor, "samples outputs h2 w2"]:
        """What the block adds to its input, and its input."""
        return torch.relu(self.inside(x) + self.shortcut(x))
