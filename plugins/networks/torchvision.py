"""Networks of torchvision, untrained."""

from dataclasses import dataclass

from torch import nn

import prunebench as pb


@dataclass(frozen=True)
class Torchvision(pb.Network):
    """Any classification model of torchvision, by its name there, with weights as it draws them.

    `model`: `resnet18`, `vgg11_bn`, ... Those with grouped convolutions, attention or concatenated channels
    cannot be taken. Most need images of 32 x 32 or more, and three channels.

    Deviation: nothing is dropped out. What is drawn in training is the order of the samples alone.
    """

    name = "torchvision"
    paper = "TorchVision maintainers 2016, torchvision.models"

    model: str = "resnet18"

    def build(self, shape: tuple[int, ...], outputs: int) -> nn.Module:
        """Initialised as torchvision does."""
        from torchvision import models

        known = models.list_models(module=models)
        if self.model not in known:
            raise pb.RequestError("torchvision[model]", self.model, f"one of {', '.join(known)}")
        module: nn.Module = models.get_model(self.model, weights=None, num_classes=outputs)
        for inside in module.modules():
            if isinstance(inside, nn.Dropout):
                inside.p = 0.0
        return module
