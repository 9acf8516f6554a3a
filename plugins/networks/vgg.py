"""VGG: Simonyan and Zisserman 2015, "Very Deep Convolutional Networks for Large-Scale Image Recognition"."""

from dataclasses import dataclass
from typing import Literal

from torch import nn

import prunebench as pb

# Channels of the convolutions, M for a maximum over 2 x 2, and the linear layers before the output.
_DEPTHS = {
    "7": ("16 16 M 32 32 M 32 M", (64,)),
    "11": ("64 M 128 M 256 256 M 512 512 M 512 512 M", ()),
    "13": ("64 64 M 128 128 M 256 256 M 512 512 M 512 512 M", ()),
    "16": ("64 64 M 128 128 M 256 256 256 M 512 512 512 M 512 512 512 M", ()),
    "19": ("64 64 M 128 128 M 256 256 256 256 M 512 512 512 512 M 512 512 512 512 M", ()),
}


@dataclass(frozen=True)
class VGG(pb.Network):
    """Convolutions of 3 x 3 with ReLU, in stages that halve the image.

    `depth`: layers with weights; 7 is a small one of ours for images of 28 x 28, the others are the paper's.
    `width` multiplies all numbers of channels. `batch_norm`: normalise after every convolution.

    Deviations: 11 to 19 have one linear layer, the output, as usual for small images (Liu et al. 2019).
    """

    name = "vgg"
    paper = "Simonyan and Zisserman 2015, VGG"

    depth: Literal["7", "11", "13", "16", "19"] = "7"
    width: float = 1.0
    batch_norm: bool = True

    def build(self, shape: tuple[int, ...], outputs: int) -> nn.Module:
        """Initialised as PyTorch does."""
        convolutions, hidden = _DEPTHS[self.depth]
        least = 2 ** convolutions.count("M")
        if len(shape) != 3 or min(shape[1:]) < least:
            accepted = f"images (channels, height, width) of {least} x {least} or more are needed"
            raise pb.RequestError("vgg", shape, accepted)
        previous, height, columns = shape
        layers: list[nn.Module] = []
        for word in convolutions.split():
            if word == "M":
                layers.append(nn.MaxPool2d(2))
                height, columns = height // 2, columns // 2
                continue
            channels = max(2, round(self.width * int(word)))
            layers.append(nn.Conv2d(previous, channels, 3, padding=1, bias=not self.batch_norm))
            layers += [nn.BatchNorm2d(channels)] * self.batch_norm + [nn.ReLU()]
            previous = channels
        layers.append(nn.Flatten())
        previous *= height * columns
        for units in hidden:
            width = max(2, round(self.width * units))
            layers += [nn.Linear(previous, width), nn.ReLU()]
            previous = width
        return nn.Sequential(*layers, nn.Linear(previous, outputs))
