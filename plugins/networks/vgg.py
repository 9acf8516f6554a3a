"""VGG: Simonyan and Zisserman 2015, "Very Deep Convolutional Networks for Large-Scale Image Recognition"."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta
from torch import nn

import prunebench as pb

# Channels of the convolutions, a stage a word, and the linear layers before the output.
_DEPTHS = {
    "7": ("16-16 32-32 32", (64,)),
    "11": ("64 128 256-256 512-512 512-512", ()),
    "13": ("64-64 128-128 256-256 512-512 512-512", ()),
    "16": ("64-64 128-128 256-256-256 512-512-512 512-512-512", ()),
    "19": ("64-64 128-128 256-256-256-256 512-512-512-512 512-512-512-512", ()),
}


@dataclass(frozen=True)
class VGG(pb.Network):
    """Convolutions of 3 x 3 with ReLU, in stages that each end with a maximum over 2 x 2.

    `depth`: layers with weights; 7 is a small one of ours for images of 28 x 28, the others are the paper's
    A, B, D and E (table 1). `width` multiplies all numbers of channels. `batch_norm`: normalise after every
    convolution, which then has no bias of its own.

    Deviations: 11 to 19 have one linear layer, the output, where the paper has three, as usual for small
    images (Liu et al. 2019, "Rethinking the Value of Network Pruning"): they have 2 layers less than they
    say. Nothing is dropped out.
    """

    name = "vgg"
    paper = "Simonyan and Zisserman 2015, VGG"

    depth: Literal["7", "11", "13", "16", "19"] = "7"
    width: Annotated[float, Meta(gt=0, le=64)] = 1.0
    batch_norm: bool = True

    def build(self, shape: tuple[int, ...], outputs: int) -> nn.Module:
        """Initialised as PyTorch does."""
        convolutions, hidden = _DEPTHS[self.depth]
        stages = [[self._wide(int(count)) for count in stage.split("-")] for stage in convolutions.split()]
        least = 2 ** len(stages)
        if len(shape) != 3 or min(shape[1:]) < least:
            accepted = f"images (channels, height, width) of {least} x {least} or more are needed"
            raise pb.RequestError("network", f"vgg for samples of shape {shape}", accepted)
        previous, height, columns = shape
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        for stage, counts in enumerate(stages, start=1):
            for place, channels in enumerate(counts, start=1):
                self._convolve(layers, f"{stage}_{place}", previous, channels)
                previous = channels
            layers[f"pool{stage}"] = nn.MaxPool2d(2)
            height, columns = height // 2, columns // 2
        layers["flatten"] = nn.Flatten()
        previous *= height * columns
        for number, units in enumerate(map(self._wide, hidden), start=1):
            layers |= {f"fc{number}": nn.Linear(previous, units), f"relu{number}": nn.ReLU()}
            previous = units
        return nn.Sequential(layers | {"output": nn.Linear(previous, outputs)})

    def _convolve(self, layers: dict[str, nn.Module], name: str, inputs: int, channels: int) -> None:
        layers[f"conv{name}"] = nn.Conv2d(inputs, channels, 3, padding=1, bias=not self.batch_norm)
        if self.batch_norm:
            layers[f"bn{name}"] = nn.BatchNorm2d(channels)
        layers[f"relu{name}"] = nn.ReLU()

    def _wide(self, units: int) -> int:
        return max(2, round(self.width * units))
