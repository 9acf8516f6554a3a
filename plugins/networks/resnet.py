"""ResNet: He, Zhang, Ren and Sun 2016, "Deep Residual Learning for Image Recognition"; the form for CIFAR."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Annotated, Literal

import torch
from jaxtyping import Float
from msgspec import Meta
from torch import Tensor, nn

import prunebench as pb


@dataclass(frozen=True)
class ResNet(pb.Network):
    """Three stages of residual blocks with 16, 32 and 64 channels (section 4.2 of the paper).

    `depth`: layers with weights, 6 n + 2 for n blocks a stage. `width` multiplies the numbers of channels.
    The channels of a stage are joined by its shortcuts: they are units with several producers.

    Deviations: where a stage begins, the shortcut is a convolution of 1 x 1 (option B of the paper): units
    that are padded with zeros (option A) are no ones of the layer before. Weights begin as PyTorch draws
    them, not as He et al. 2015 do.
    """

    name = "resnet"
    paper = "He et al. 2016, ResNet"

    depth: Literal["8", "14", "20", "32", "44", "56"] = "20"
    width: Annotated[float, Meta(gt=0, le=64)] = 1.0

    def build(self, shape: tuple[int, ...], outputs: int) -> nn.Module:
        """Initialised as PyTorch does."""
        if len(shape) != 3 or min(shape[1:]) < 4:
            accepted = "images (channels, height, width) of 4 x 4 or more are needed"
            raise pb.RequestError("network", f"resnet for samples of shape {shape}", accepted)
        channels = [max(2, round(self.width * count)) for count in (16, 32, 64)]
        layers: OrderedDict[str, nn.Module] = OrderedDict(
            conv1=nn.Conv2d(shape[0], channels[0], 3, padding=1, bias=False),
            bn1=nn.BatchNorm2d(channels[0]),
            relu1=nn.ReLU(),
        )
        previous = channels[0]
        for stage, count in enumerate(channels, start=1):
            blocks: OrderedDict[str, nn.Module] = OrderedDict()
            for block in range(1, (int(self.depth) - 2) // 6 + 1):
                stride = 2 if stage > 1 and block == 1 else 1
                blocks[f"block{block}"] = Block(previous, count, stride)
                previous = count
            layers[f"stage{stage}"] = nn.Sequential(blocks)
        layers |= {"pool": nn.AdaptiveAvgPool2d(1), "flatten": nn.Flatten()}
        return nn.Sequential(layers | {"output": nn.Linear(previous, outputs)})


class Block(nn.Module):
    """Two convolutions whose output is added to their input."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1 or inputs != outputs:
            conv = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
            self.shortcut = nn.Sequential(OrderedDict(conv=conv, bn=nn.BatchNorm2d(outputs)))

    def forward(self, x: Float[Tensor, "samples inputs h w"]) -> Float[Tensor, "samples outputs h2 w2"]:
        """What the block adds to its input, and its input."""
        inside = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
        return torch.relu(inside + self.shortcut(x))
