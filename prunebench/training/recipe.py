"""What defines a reference network's training."""

import math
from dataclasses import dataclass, fields
from typing import Annotated, Any

from msgspec import Meta

from prunebench.errors import RequestError
from prunebench.fields import check
from prunebench.plugin.plugin import Plugin
from prunebench.plugin.source import source_hash
from prunebench.plugin.spec import canonical

# Less is 0, or nearly so, in the float32 that networks are trained in.
SMALLEST = 1e-30
# What every record of a recipe holds. A field that came later is left out at its default, so that networks
# trained before there was such a field keep their ids, and their boards their names.
_ALWAYS = ("width", "init_std", "learning_rate", "momentum", "batch_size", "steps")


@dataclass(frozen=True)
class Recipe:
    """Width, initial scale and SGD settings (paper, section 5).

    Attributes:
        width: d, hidden neurons.
        init_std: standard deviation of the initial W and V; biases start at 0.
        learning_rate: lr of `w -= lr m`.
        momentum: mu of `m = mu m + g`, in [0, 1).
        batch_size: samples in a minibatch; the last one of an epoch may be smaller.
        steps: minibatch steps to the end of training.
        network: what is trained; None: the shallow network of `width` neurons.
        scale: multiplies the initial weights of any other network, which draws its own.
        until_loss: end training once every network's training loss, on the grid of the curves, is below this.
    """

    width: Annotated[int, Meta(ge=1, le=1_000_000, description="Hidden neurons.")] = 300
    init_std: Annotated[
        float, Meta(ge=SMALLEST, le=100, description="Standard deviation of the initial weights.")
    ] = 1e-5
    learning_rate: Annotated[float, Meta(ge=SMALLEST, le=1000, description="Of SGD.")] = 1e-3
    momentum: Annotated[float, Meta(ge=0, lt=1, description="Of SGD.")] = 0.9
    batch_size: Annotated[int, Meta(ge=1, le=10_000_000, description="Samples in a minibatch.")] = 4
    steps: Annotated[
        int,
        Meta(
            ge=1,
            le=1_000_000_000,
            description="Steps to the end of training. [default: 4000 for mnist5k and digits, else 16000]",
        ),
    ] = 16_000
    network: Plugin | None = None
    scale: Annotated[float, Meta(ge=SMALLEST, le=1000)] = 1.0
    until_loss: Annotated[
        Annotated[float, Meta(title="a loss", gt=0)] | None,
        Meta(description="End training once every network's training loss is below this."),
    ] = None

    def __post_init__(self) -> None:
        check(self)

    @property
    def record(self) -> dict[str, Any]:
        """The recipe in documents, stores and ids, as JSON values."""
        values = ((field, getattr(self, field.name)) for field in fields(self))
        record = {f.name: value for f, value in values if f.name in _ALWAYS or value != f.default}
        if self.network is not None:
            source = source_hash(type(self.network))
            record["network"] = [canonical(self.network), self.network.version, source]
        return record

    @property
    def in_words(self) -> str:
        """For people, on one line."""
        later = {name: value for name, value in self.record.items() if name not in _ALWAYS}
        until = f" or loss {later.pop('until_loss'):g}" if "until_loss" in later else ""
        others = (f", {name.replace('_', ' ')} {value}" for name, value in later.items())
        return (
            f"{self.width:,} neurons, init std {self.init_std:g}, learning rate {self.learning_rate:g}, "
            f"momentum {self.momentum:g}, batch {self.batch_size}, {self.steps:,} steps{until}"
        ) + "".join(others)

    @property
    def flow_rate(self) -> float:
        """`eta = lr / (1 - mu)`: time per step of the gradient flow that SGD with momentum follows."""
        return self.learning_rate / (1 - self.momentum)

    def epoch_steps(self, samples: int) -> int:
        """Steps in one pass over `samples` training samples. Raises `RequestError` for fewer than a batch."""
        return epoch_steps(samples, self.batch_size)


def epoch_steps(samples: int, batch_size: int) -> int:
    """Minibatches in an epoch; the last one may be smaller, but none is larger than the data."""
    if batch_size > samples:
        raise RequestError("batch_size", batch_size, f"at most the number of training samples, {samples}")
    return math.ceil(samples / batch_size)
