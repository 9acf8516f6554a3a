"""Small modules that do odd things, most of which cannot be taken."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.prune import random_unstructured


class Wrapped(nn.Module):
    """Two linear layers, and whatever is done with the units between them."""

    def __init__(self, units: int = 8, read: int | None = None, inputs: int = 72) -> None:
        super().__init__()
        self.first, self.output = nn.Linear(inputs, units), nn.Linear(read or units, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.output(self.between(self.first(x.flatten(1))))

    def between(self, h: Tensor) -> Tensor:
        return torch.relu(h)


class Drawing(Wrapped):
    def between(self, h: Tensor) -> Tensor:
        return torch.relu(h) * torch.rand_like(h) if self.training else torch.relu(h)


class Normalised(Wrapped):
    def between(self, h: Tensor) -> Tensor:
        return nn.functional.layer_norm(h, h.shape[1:])


class Competing(Wrapped):
    def between(self, h: Tensor) -> Tensor:
        return h.softmax(dim=1)


class Sized(Wrapped):
    def between(self, h: Tensor) -> Tensor:
        return torch.relu(h.reshape(-1, 8))


class Squared(Wrapped):
    """Units that are multiplied with themselves and scaled one by one go as well as any."""

    def between(self, h: Tensor) -> Tensor:
        return 3 * h * torch.sigmoid(h) / (1 + h.abs())


class Raw(nn.Module):
    """The input is added to units."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.output = nn.Conv2d(2, 2, 3, padding=1), nn.Linear(72, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.output((x + torch.relu(self.conv(x))).flatten(1))


class Halves(Wrapped):
    def between(self, h: Tensor) -> Tensor:
        left, right = h.chunk(2, dim=1)
        return torch.cat([right, left], dim=1)


class Unused(Wrapped):
    def __init__(self) -> None:
        super().__init__()
        self.spare = nn.Linear(3, 3)


class Tied(Wrapped):
    def __init__(self) -> None:
        super().__init__()
        self.middle, self.second = nn.Linear(8, 8), nn.Linear(8, 8)
        self.second.weight = self.middle.weight

    def between(self, h: Tensor) -> Tensor:
        return torch.relu(self.second(torch.relu(self.middle(torch.relu(h)))))


class Does(Wrapped):
    """What a function makes of the module and the units in between."""

    def __init__(self, what: Callable[[nn.Module, Tensor], Tensor], units: int = 8) -> None:
        super().__init__(units)
        self.what = what

    def between(self, h: Tensor) -> Tensor:
        return self.what(self, h)


class Counting(Wrapped):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("calls", torch.tensor(0))

    def between(self, h: Tensor) -> Tensor:
        self.get_buffer("calls").add_(1)
        return torch.relu(h)


class CountingCalls(Wrapped):
    """What it gives depends on how often it was called in training."""

    calls = 0

    def between(self, h: Tensor) -> Tensor:
        self.calls += self.training
        return torch.relu(h) * (1 + 1 / (1 + self.calls))


class Assigning(Wrapped):
    """A running mean that is put in place of the one before."""

    mean: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(8))

    def between(self, h: Tensor) -> Tensor:
        if self.training:
            self.mean = 0.9 * self.mean + 0.1 * h.detach().mean(dim=0)
        return torch.relu(h - self.mean)


class Following(Wrapped):
    """A running mean that is written into, as it should be."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(()))

    def between(self, h: Tensor) -> Tensor:
        mean = self.get_buffer("mean")
        if self.training:
            mean.mul_(0.9).add_(0.1 * h.detach().mean())
        return torch.relu(h - mean)


class Centred(nn.Module):
    """Takes a share of their mean from units, which is 0 as it begins."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("share", torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        return x - self.get_buffer("share") * x.mean(dim=1, keepdim=True)


class KeepingFeatures(Wrapped):
    """What the units were is left in attributes and in a list, as for a look at it afterwards."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Tensor] = []

    def between(self, h: Tensor) -> Tensor:
        self.features = torch.relu(h)
        self.seen[:] = [h, self.features.mean()]
        return self.features


class Shift(nn.Module):
    def __init__(self, shift: Tensor) -> None:
        super().__init__()
        self.register_buffer("shift", shift)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.get_buffer("shift")


class InPlace(Wrapped):
    def forward(self, x: Tensor) -> Tensor:
        x -= x.mean()
        return super().forward(x)


class OtherInTraining(Wrapped):
    def forward(self, x: Tensor) -> Any:
        logits = super().forward(x)
        return (logits, logits) if self.training else logits


class RaisesInTraining(Wrapped):
    def between(self, h: Tensor) -> Tensor:
        if self.training:
            raise ValueError("not\nnow")
        return torch.relu(h)


class ClassesReadAgain(nn.Module):
    """The units of a layer are the classes, too."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.classes, self.again = nn.Linear(72, 8), nn.Linear(8, 3), nn.Linear(3, 3)

    def forward(self, x: Tensor) -> Tensor:
        found = self.classes(torch.relu(self.first(x.flatten(1))))
        return found + self.again(torch.relu(found))


class Frozen(nn.Sequential):
    """Normalisation that is never trained."""

    def train(self, mode: bool = True) -> "Frozen":
        super().train(mode)
        self[1].eval()
        return self


class Scaled(nn.Linear):
    """With a number of its own."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs)
        self.temperature = nn.Parameter(torch.tensor(2.0))

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) * self.temperature


class InDoublePrecision(Wrapped):
    def __init__(self) -> None:
        super().__init__()
        self.output.double()

    def between(self, h: Tensor) -> Tensor:
        return torch.relu(h).double()


class OfLengthOne(nn.Linear):
    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.linear(x, nn.functional.normalize(self.weight, dim=1), self.bias)


class Transforming(nn.Linear):
    """Reads by what a function makes of its weights."""

    def __init__(self, inputs: int, outputs: int, what: Callable[[nn.Linear], Tensor]) -> None:
        super().__init__(inputs, outputs)
        self.what = what

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.linear(x, self.what(self), self.bias)


def read_by(what: Callable[[nn.Linear], Tensor]) -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(72, 8), nn.ReLU(), Transforming(8, 3, what))


def if_large(_: nn.Module, h: Tensor) -> Tensor:
    return torch.relu(h) if h.mean() > 0 else torch.tanh(h)


def branching_in_training(module: nn.Module, h: Tensor) -> Tensor:
    return if_large(module, h) if module.training else torch.relu(h)


def small_differences(_: nn.Module, h: Tensor) -> Tensor:
    return torch.relu(h) + 1e-5 * h.mean(dim=1, keepdim=True)


def times_the_second(_: nn.Module, h: Tensor) -> Tensor:
    """To follow one unit leads to the next, without end."""
    return torch.relu(h) * h[:, 1:2]


def half_around(_: nn.Module, h: Tensor) -> Tensor:
    return torch.roll(torch.relu(h), h.shape[1] // 2, dims=1)


def without_their_mean(_: nn.Module, h: Tensor) -> Tensor:
    return torch.relu(h - h.mean(dim=0))


def with_numbers_of_numpy(module: nn.Module, h: Tensor) -> Tensor:
    return torch.relu(h) * float(np.random.default_rng().uniform(1, 2)) if module.training else torch.relu(h)


def in_single_precision(_: nn.Module, h: Tensor) -> Tensor:
    return torch.relu(h @ torch.eye(h.shape[1], dtype=torch.float32))


def frozen(module: nn.Module) -> nn.Module:
    return module.requires_grad_(False)


class Pair(Wrapped):
    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        logits = super().forward(x)
        return logits, logits


def computed_weights() -> nn.Module:
    """As weights that are normalised, or pruned, by hooks of PyTorch's."""
    layer = nn.Linear(8, 8)
    random_unstructured(layer, "weight", 0.5)
    return layer


def small(*between: nn.Module) -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(72, 8), *between, nn.ReLU(), nn.Linear(8, 3))


class Neighbours(nn.Module):
    """Normalisation over units as a function: no module says so."""

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.local_response_norm(x, 3)


class Reshaped(nn.Module):
    """Units gated by their own mean, whose graph has no end either."""

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(x.mean((2, 3))).view(len(x), -1, 1, 1)


class OverTheirLargest(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x / (x.amax((2, 3), keepdim=True) + 1e-6)


def images(*between: nn.Module) -> nn.Module:
    return nn.Sequential(nn.Conv2d(2, 8, 3), *between, nn.ReLU(), nn.Flatten(), nn.Linear(128, 3))
