"""What all networks of a batch share: the module that computes, and the layers of it that can be pruned."""

import copy
import itertools
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from weakref import WeakKeyDictionary

import torch
from jaxtyping import Float, Int64, Shaped
from torch import Tensor, nn

from prunebench.networks.layers import Layer
from prunebench.networks.module import own_tensors

SHALLOW = "shallow"  # the paper's network
_NUMBERS = itertools.count()


class _Copies(threading.local):
    """Modules of this thread's own, by the ones that they are copies of."""

    def __init__(self) -> None:
        self.of = WeakKeyDictionary[nn.Module, nn.Module]()


_copies = _Copies()


@dataclass(frozen=True, eq=False)
class Architecture:
    """One module for any number of networks, whose weights come from outside (`torch.func.functional_call`).

    Attributes:
        name: of the kind of network, for messages.
        module: in evaluation mode and without weights of its own (on the device `meta`); to be copied, never
            to be called. After pruning its tensors are narrower than it says, which its layers' functions
            take as they come.
        layers: the prunable layers in the order in which they run.
        outputs: C, the number of classes.
        shape: of one sample as the module takes it; None: a vector of any length.
        channels_last: its convolutions may have their filters in that order of memory.
        attends: there is attention in it, whose derivatives are taken another way (`PlainAttention`).
        key: no other architecture of this process has it.
    """

    name: str
    module: nn.Module
    layers: tuple[Layer, ...]
    outputs: int
    shape: tuple[int, ...] | None = None
    channels_last: bool = False
    attends: bool = False
    key: str = field(default_factory=lambda: f"architecture {next(_NUMBERS)}")

    @property
    def in_words(self) -> str:
        """Its kind, and how many units it has."""
        layers = f" in {len(self.layers)} layers" if len(self.layers) > 1 else ""
        return f"{self.name}, {self.units:,} units{layers}"

    def __repr__(self) -> str:
        return f"<Architecture: {self.in_words}, {self.outputs} outputs>"

    @property
    def own_module(self) -> nn.Module:
        """A copy for `functional_call`, which puts weights into it meanwhile: each thread has its own.

        What forward leaves in attributes, as `self.features = ...`, is the copy's: PyTorch cannot copy it,
        and others copy `module`.
        """
        if self.module not in _copies.of:
            _copies.of[self.module] = copy.deepcopy(self.module)
        return _copies.of[self.module]

    @cached_property
    def trainable(self) -> tuple[str, ...]:
        """Names of the tensors that training changes: parameters that are not frozen."""
        return tuple(name for name, tensor in self.module.named_parameters() if tensor.requires_grad)

    @cached_property
    def frozen(self) -> tuple[str, ...]:
        """Names of the parameters that it does not change."""
        return tuple(name for name, tensor in self.module.named_parameters() if not tensor.requires_grad)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of all tensors: parameters, then buffers."""
        return tuple(own_tensors(self.module))

    @cached_property
    def weights(self) -> tuple[str, ...]:
        """Names of what is incoming or outgoing to some unit: what masks may mask."""
        parts = {part.tensor for layer in self.layers for part in layer.of("incoming", "outgoing")}
        return tuple(name for name in self.names if name in parts)

    @property
    def units(self) -> int:
        """U, of all layers together."""
        return sum(layer.units for layer in self.layers)

    @property
    def layer_of(self) -> Int64[Tensor, " units"]:
        """The number of each unit's layer."""
        numbers = torch.arange(len(self.layers))
        return numbers.repeat_interleave(torch.tensor([layer.units for layer in self.layers]))

    def by_layer(self, values: Shaped[Tensor, "*batch units"]) -> Iterator[tuple[Layer, Tensor]]:
        """Each layer with its own units' part of what all units have, a view of it."""
        return zip(self.layers, values.split([layer.units for layer in self.layers], dim=-1), strict=True)

    def shaped(self, x: Float[Tensor, "samples ..."]) -> Float[Tensor, "samples ..."]:
        """Samples, which may be flat, as the module takes them."""
        return x.flatten(1) if self.shape is None else x.reshape(len(x), *self.shape)

    def narrowed(self, units: dict[str, int]) -> "Architecture":
        """The same with other numbers of units in some layers."""
        layers = tuple(replace(layer, units=units.get(layer.name, layer.units)) for layer in self.layers)
        return self if layers == self.layers else replace(self, layers=layers)
