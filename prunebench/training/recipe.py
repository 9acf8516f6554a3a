"""What defines a reference network's training."""

import math
from dataclasses import dataclass, fields

from prunebench.errors import RequestError


@dataclass(frozen=True)
class Recipe:
    """Width, initial scale and SGD settings (paper, section 5; DESIGN 2).

    Attributes:
        width: d, hidden neurons.
        init_std: standard deviation of the initial W and V; biases start at 0.
        learning_rate: lr of `w -= lr m`.
        momentum: mu of `m = mu m + g`, in [0, 1).
        batch_size: samples in a minibatch; the last one of an epoch may be smaller.
        steps: minibatch steps to the end of training.
    """

    width: int = 300
    init_std: float = 1e-5
    learning_rate: float = 1e-3
    momentum: float = 0.9
    batch_size: int = 4
    steps: int = 16_000

    def __post_init__(self) -> None:
        for name, largest in (("width", 1_000_000), ("batch_size", 10_000_000), ("steps", 1_000_000_000)):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= largest:
                raise RequestError(_option(name), value, f"a whole number from 1 to {largest:,} is needed")
        for name, limit in (("init_std", 100.0), ("learning_rate", 1000.0)):
            value = getattr(self, name)
            if not _is_number(value) or not 0 < value <= limit:
                raise RequestError(_option(name), value, f"a number above 0 and up to {limit:g} is needed")
        if not _is_number(self.momentum) or not 0 <= self.momentum < 1:
            raise RequestError("--momentum", self.momentum, "a number from 0 to below 1 is needed")
        for name in ("init_std", "learning_rate", "momentum"):
            object.__setattr__(self, name, float(getattr(self, name)))

    @property
    def flow_rate(self) -> float:
        """`eta = lr / (1 - mu)`: time per step of the gradient flow that SGD with momentum follows."""
        return self.learning_rate / (1 - self.momentum)

    def epoch_steps(self, samples: int) -> int:
        """Steps in one pass over `samples` training samples. Raises `RequestError` for fewer than a batch."""
        return epoch_steps(samples, self.batch_size)

    def non_defaults(self) -> dict[str, float | int]:
        """The fields that differ from the defaults: names of results leave defaults out."""
        return {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) != f.default}


def epoch_steps(samples: int, batch_size: int) -> int:
    """Minibatches in an epoch; the last one may be smaller, but none is larger than the data."""
    if batch_size > samples:
        raise RequestError("--batch-size", batch_size, f"at most the number of training samples, {samples}")
    return math.ceil(samples / batch_size)


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
