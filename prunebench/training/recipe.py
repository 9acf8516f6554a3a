"""What defines a reference network's training."""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields, replace
from typing import Annotated, Any, Literal

from msgspec import Meta

from prunebench.errors import RequestError
from prunebench.fields import check
from prunebench.plugin.plugin import Plugin
from prunebench.plugin.record import PluginRecord
from prunebench.plugin.spec import canonical
from prunebench.reference_networks import load_network

# Less is 0, or nearly so, in the float32 that networks are trained in.
SMALLEST = 1e-30
SHALLOW = "shallow"  # the network of a recipe that names none
# Only the shallow network has these.
OF_SHALLOW = ("width", "init_std")
# All others have these.
OF_OTHERS = ("init", "scale")
# What every record of a recipe holds. A field that came later is left out at its default, so that networks
# trained before there was such a field keep their ids, and their boards their names.
_ALWAYS = (*OF_SHALLOW, "learning_rate", "momentum", "batch_size", "steps")


@dataclass(frozen=True)
class Recipe:
    """Which network is trained, its initial scale, and how it is trained (paper, section 5).

    Attributes:
        width: d, hidden neurons.
        init_std: standard deviation of the initial W and V; biases start at 0.
        learning_rate: lr of `w -= lr m`.
        momentum: mu of `m = mu m + g`, in [0, 1).
        batch_size: samples in a minibatch; the last one of an epoch may be smaller.
        steps: minibatch steps to the end of training.
        network: what is trained, or the record of it; None: the shallow network of `width` neurons. Given as
            a spec, such as `"mlp[widths=100-50]"`, it is loaded.
        init: how any other network's weights are drawn: as its module draws them, or by a method of
            `torch.nn.init` with the gain for ReLU; biases as the module draws them.
        scale: multiplies the initial weights and biases of any other network.
        weight_decay: lambda; `lambda w` is added to the gradient of every trained number.
        schedule: of the learning rate over the steps (`rate`).
        optimizer: `sgd`, or `adam`, which takes `momentum` as its first beta.
        until_loss: end training once every network's training loss, on the grid of the curves, is below this.
    """

    width: Annotated[int, Meta(ge=1, le=1_000_000, description="Hidden neurons of the shallow network.")] = (
        300
    )
    init_std: Annotated[
        float,
        Meta(ge=SMALLEST, le=100, description="Standard deviation of the shallow network's initial weights."),
    ] = 1e-5
    learning_rate: Annotated[
        float,
        Meta(ge=SMALLEST, le=1000, description="Of SGD. [default: 0.001; 0.01 for a --network]"),
    ] = 1e-3
    momentum: Annotated[float, Meta(ge=0, lt=1, description="Of SGD.")] = 0.9
    batch_size: Annotated[
        int,
        Meta(ge=1, le=10_000_000, description="Samples in a minibatch. [default: 4; 16 for a --network]"),
    ] = 4
    steps: Annotated[
        int,
        Meta(
            ge=1,
            le=1_000_000_000,
            description="Steps to the end of training. [default: 4000 for mnist5k and digits, else 16000; "
            "1000 for a --network]",
        ),
    ] = 16_000
    network: Annotated[
        Plugin | PluginRecord | str | None,
        Meta(
            description="What is trained, one of `prunebench list networks` or a class in a file of yours. "
            "[default: shallow]",
            extra={"written": str},
        ),
    ] = None
    init: Annotated[
        Literal["module", "kaiming", "xavier", "orthogonal"],
        Meta(description="How a --network's weights are drawn: as its module does, or by torch.nn.init."),
    ] = "module"
    scale: Annotated[
        float,
        Meta(ge=SMALLEST, le=1000, description="Multiplies the initial weights and biases of a --network."),
    ] = 1.0
    weight_decay: Annotated[float, Meta(ge=0, le=1000, description="Of every weight and bias.")] = 0.0
    schedule: Annotated[
        Literal["constant", "cosine", "step"],
        Meta(description="Of the learning rate: cosine to 0 at the end, or step to a tenth at 1/2 and 3/4."),
    ] = "constant"
    optimizer: Annotated[
        Literal["sgd", "adam"], Meta(description="With --momentum, which is adam's first beta.")
    ] = "sgd"
    until_loss: Annotated[
        Annotated[float, Meta(title="a loss", gt=0)] | None,
        Meta(description="End training once every network's training loss is below this."),
    ] = None

    def __post_init__(self) -> None:
        check(self)
        if isinstance(self.network, str):
            object.__setattr__(self, "network", load_network(self.network))
        if not isinstance(self.network, Plugin | PluginRecord | None):
            made = "pb.from_module(...) of a class or function that makes a module"
            accepted = f'a name or spec such as "lenet", a pb.Network, or {made}, is needed'
            raise RequestError("network", self.network, accepted)
        if self.network is not None and self.network_spec == SHALLOW:  # the other fields say it all
            object.__setattr__(self, "network", None)
        for name in OF_OTHERS if self.network is None else OF_SHALLOW:
            if (value := getattr(self, name)) != getattr(Recipe, name):
                raise meaningless(name, value, self.network_spec)

    def __repr__(self) -> str:
        """What is not as by default."""
        return f"Recipe({', '.join(f'{name}={value!r}' for name, value in self._changed().items())})"

    def _changed(self, always: Collection[str] = ()) -> dict[str, Any]:
        """The fields that are not as by default, and those that are `always` said."""
        values = ((field.name, getattr(self, field.name), field.default) for field in fields(self))
        return {name: value for name, value, left in values if value != left or name in always}

    @classmethod
    def read(cls, record: Mapping[str, Any]) -> "Recipe":
        """From a `record`, maybe somebody else's; its network is not loaded.

        Raises `RequestError` for what does not fit, `TypeError` for what no recipe has.
        """
        values = dict(record)
        if "network" in values:
            values["network"] = PluginRecord.read(values["network"], "network")
        return cls(**values)

    @property
    def record(self) -> dict[str, Any]:
        """The recipe in documents, stores and ids, as JSON values."""
        record = self._changed(_ALWAYS if self.network is None else set(_ALWAYS) - set(OF_SHALLOW))
        if (network := self.network_record) is not None:
            record["network"] = network.content
        return record

    @property
    def recorded(self) -> "Recipe":
        """The same with its network as documents and boards hold it: a record, which any process can read."""
        return replace(self, network=self.network_record)

    @property
    def network_record(self) -> PluginRecord | None:
        """What is recorded of the network; None: the shallow one."""
        assert not isinstance(self.network, str)  # it was loaded
        return None if self.network is None else PluginRecord.of(self.network)

    @property
    def network_spec(self) -> str:
        """The network as a command line names it."""
        if isinstance(self.network, Plugin):
            return canonical(self.network)
        return SHALLOW if (record := self.network_record) is None else record.spec

    @property
    def in_words(self) -> str:
        """For people, on one line."""
        later = {name: value for name, value in self.record.items() if name not in (*_ALWAYS, "network")}
        until = f" or loss {later.pop('until_loss'):g}" if "until_loss" in later else ""
        others = (f", {name.replace('_', ' ')} {value}" for name, value in later.items())
        network = self.network_spec
        if self.network is None:
            network = f"{self.width:,} neurons, init std {self.init_std:g}"
        return (
            f"{network}, learning rate {self.learning_rate:g}, "
            f"momentum {self.momentum:g}, batch {self.batch_size}, {self.steps:,} steps{until}"
        ) + "".join(others)

    def rate(self, step: int) -> float:
        """The learning rate of the step that follows `step` others.

        `cosine`: half a wave, `lr (1 + cos(pi step / steps)) / 2` (Loshchilov and Hutter 2017, without
        restarts). `step`: a tenth of it from half of the steps on, a hundredth from three quarters on. After
        the end it stays what it came to.
        """
        share = 1.0
        if self.schedule == "cosine":
            share = (1 + math.cos(math.pi * min(step / self.steps, 1))) / 2
        elif self.schedule == "step":
            share = 0.1 ** ((2 * step >= self.steps) + (4 * step >= 3 * self.steps))
        return self.learning_rate * share

    @property
    def flow_rate(self) -> float:
        """`eta = lr / (1 - mu)`: time per step of the gradient flow that SGD with momentum follows."""
        return self.learning_rate / (1 - self.momentum)

    def epoch_steps(self, samples: int) -> int:
        """Steps in one pass over `samples` training samples. Raises `RequestError` for fewer than a batch."""
        return epoch_steps(samples, self.batch_size)


def meaningless(name: str, value: object, network: str) -> RequestError:
    """The error for a field that the network of this spec has not."""
    accepted = "the shallow network is drawn by init_std (--init-std); all others have it"
    if name in OF_SHALLOW:
        accepted = f"the shallow network alone has it, and the network here is {network}"
    return RequestError(name, value, accepted)


def epoch_steps(samples: int, batch_size: int) -> int:
    """Minibatches in an epoch; the last one may be smaller, but none is larger than the data."""
    if batch_size > samples:
        raise RequestError("batch_size", batch_size, f"at most the number of training samples, {samples}")
    return math.ceil(samples / batch_size)
