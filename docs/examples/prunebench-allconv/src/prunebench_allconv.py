"""All-CNN: Springenberg, Dosovitskiy, Brox and Riedmiller 2015, "Striving for Simplicity"."""

from collections import OrderedDict
from dataclasses import dataclass

from torch import nn

import prunebench as pb


@dataclass(frozen=True)
class AllConv(pb.Network):
    """Two stages of two convolutions of 3 x 3, the second of which strides, and the mean over what is left.

    `width`: channels of the first stage; the second has twice as many (96 and 192 in the paper's All-CNN-C).

    Deviations: one convolution less in each stage, a linear output, and nothing is dropped out.
    """

    name = "allconv"
    version = "1"
    paper = "Springenberg et al. 2015, Striving for Simplicity"

    width: int = 32

    def build(self, shape: tuple[int, ...], outputs: int) -> nn.Module:
        """Initialised as PyTorch does."""
        if len(shape) != 3:
            given = f"allconv for samples of shape {shape}"
            raise pb.RequestError("network", given, "images (channels, height, width) are needed")
        if self.width < 2:
            raise pb.RequestError("allconv[width]", self.width, "2 or more are needed")
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        previous = shape[0]
        for stage, channels in enumerate((self.width, 2 * self.width), start=1):
            for place, stride in enumerate((1, 2), start=1):
                name = f"{stage}_{place}"
                layers[f"conv{name}"] = nn.Conv2d(previous, channels, 3, stride, padding=1)
                layers[f"relu{name}"] = nn.ReLU()
                previous = channels
        layers |= {"pool": nn.AdaptiveAvgPool2d(1), "flatten": nn.Flatten()}
        return nn.Sequential(layers | {"output": nn.Linear(previous, outputs)})
