"""What defines a reference network's training."""

import math
from dataclasses import dataclass

from prunebench.errors import RequestError

# Less is 0, or nearly so, in the float32 that networks are trained in.
SMALLEST = 1e-30


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
                raise RequestError(name, value, f"a whole number from 1 to {largest:,} is needed")
        for name, limit in (("init_std", 100.0), ("learning_rate", 1000.0)):
            value = getattr(self, name)
            if not is_number(value) or not SMALLEST <= value <= limit:
                raise RequestError(name, value, f"a number from {SMALLEST:g} to {limit:g} is needed")
        if not is_number(self.momentum) or not 0 <= self.momentum < 1:
            raise RequestError("momentum", self.momentum, "a number from 0 to below 1 is needed")
        for name in ("init_std", "learning_rate", "momentum"):
            object.__setattr__(self, name, float(getattr(self, name)))

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


def check_until_loss(loss: object) -> None:
    """Raises `RequestError` unless a training may end at this loss; None: it does not."""
    if loss is not None and (not is_number(loss) or not loss > 0):  # type: ignore[operator]  # a number
        raise RequestError("until_loss", loss, "a loss above 0 is needed")


def is_number(value: object) -> bool:
    """Whether it is a finite number that a float can hold, and not a bool."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False
