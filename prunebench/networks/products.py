"""Which tensors multiply what runs through a module, and what follows for gradients of single samples."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.graph import GradientEdge, get_gradient_edge
from torch.nn.functional import batch_norm, conv2d, linear, unfold
from torch.overrides import TorchFunctionMode

# What is understood, with the names of its arguments.
_ARGUMENTS: dict[Callable[..., Tensor], tuple[str, ...]] = {
    linear: ("input", "weight", "bias"),
    conv2d: ("input", "weight", "bias", "stride", "padding", "dilation", "groups"),
    batch_norm: ("input", "running_mean", "running_var", "weight", "bias", "training", "momentum", "eps"),
}


@dataclass(frozen=True)
class Product:
    """What one function made of its `input` with leaves among its arguments.

    Attributes:
        arguments: by their names; the input without its history.
        weight, bias: names of the leaves; None for what is none of them.
        edge: where gradients by the result come along, whatever is written into it in place later; None where
            none do (`torch.no_grad`).
    """

    function: Callable[..., Tensor]
    arguments: Mapping[str, Any]
    weight: str | None
    bias: str | None
    edge: GradientEdge | None

    @property
    def given(self) -> Tensor:
        """The input."""
        found: Tensor = self.arguments["input"]
        return found

    @property
    def samples(self) -> int:
        """Of vectors, images or what was normalised by running statistics; -1 of anything else."""
        known = {
            linear: self.given.ndim == 2,
            conv2d: self.given.ndim == 4
            and self.arguments.get("groups", 1) == 1
            and not isinstance(self.arguments.get("padding"), str),
            batch_norm: not self.arguments.get("training"),
        }
        return len(self.given) if known[self.function] else -1

    def squares(self, delta: Tensor | None) -> Iterator[tuple[str, Tensor]]:
        """Sums over samples of the squared gradient by each leaf, from that by the result (None: 0)."""
        for argument, name, of_samples in (
            ("weight", self.weight, _WEIGHTS[self.function]),
            ("bias", self.bias, _of_bias),
        ):
            if name is None:
                continue
            leaf: Tensor = self.arguments[argument]
            sums = torch.zeros_like(leaf) if delta is None else of_samples(self.arguments, delta)
            yield name, sums.reshape(leaf.shape)


def _of_bias(_: Mapping[str, Any], delta: Tensor) -> Tensor:
    """What is added everywhere."""
    return _over_positions(delta).square().sum(dim=0)


def _of_linear(given: Mapping[str, Any], delta: Tensor) -> Tensor:
    """A sample's gradient is an outer product, so the sum of the squares is a product of squares."""
    return delta.square().T @ given["input"].square()


def _of_convolution(given: Mapping[str, Any], delta: Tensor) -> Tensor:
    """A sample's gradient is a product over positions, with the patches that the filters multiply there."""
    how = {name: given[name] for name in ("dilation", "padding", "stride") if name in given}
    patches = unfold(given["input"], given["weight"].shape[2:], **how)
    return (delta.flatten(2) @ patches.mT).square().sum(dim=0)


def _of_normalisation(given: Mapping[str, Any], delta: Tensor) -> Tensor:
    """A gain multiplies what is normalised, a channel's own at all of its positions."""
    own = (-1, *[1] * (delta.ndim - 2))
    mean, variance = (given[f"running_{name}"].reshape(own) for name in ("mean", "var"))
    normal = (given["input"] - mean) / torch.sqrt(variance + given.get("eps", 1e-5))
    return _over_positions(delta * normal).square().sum(dim=0)


def _over_positions(values: Tensor) -> Tensor:
    """A sum for each sample and channel."""
    return values.flatten(2).sum(dim=2) if values.ndim > 2 else values


_WEIGHTS = {linear: _of_linear, conv2d: _of_convolution, batch_norm: _of_normalisation}


class Products(TorchFunctionMode):
    """Sees all of PyTorch's functions that are called meanwhile.

    Args:
        gated: put a gate of 1 on each number, or channel, that a leaf multiplies in each sample.

    Attributes:
        products: those with a leaf in them.
        elsewhere: whether a leaf takes part in anything else, or in two of them.
        gates: (samples, numbers or channels), by the name of the leaf behind them.
    """

    def __init__(self, leaves: Mapping[str, Tensor], *, gated: bool = False) -> None:
        super().__init__()
        self._names = {id(leaf): name for name, leaf in leaves.items()}
        self._seen = set[str]()
        self._gated = gated
        self.products: list[Product] = []
        self.elsewhere = False
        self.gates: dict[str, Tensor] = {}

    def of_samples(self, count: int) -> bool:
        """Whether leaves do nothing but multiply what is of so many samples, each its own."""
        return not self.elsewhere and {one.samples for one in self.products} == {count}

    def __torch_function__(
        self,
        function: Any,
        types: Any,
        arguments: tuple[Any, ...] = (),
        keywords: dict[str, Any] | None = None,
    ) -> Any:
        """Call it."""
        keywords = keywords or {}
        used = [name for one in flat((*arguments, *keywords.values())) if (name := self._names.get(id(one)))]
        if not used:
            return function(*arguments, **keywords)
        self.elsewhere |= function not in _ARGUMENTS or not self._seen.isdisjoint(used)
        if function not in _ARGUMENTS:
            return function(*arguments, **keywords)
        given = dict(zip(_ARGUMENTS[function], arguments, strict=False)) | keywords
        weight, bias = (self._names.get(id(given.get(name))) for name in ("weight", "bias"))
        self.elsewhere |= len(used) != len({weight, bias} - {None})
        self._seen.update(used)
        if self._gated and weight is not None and function is not batch_norm:
            own = given["input"].shape[:2]
            self.gates[weight] = given["input"].new_ones(own).requires_grad_()
            given["input"] = given["input"] * self.gates[weight].reshape(
                *own, *[1] * (given["input"].ndim - 2)
            )
        result = function(**given)
        given["input"] = given["input"].detach()
        edge = get_gradient_edge(result) if result.requires_grad else None
        self.products.append(Product(function, given, weight, bias, edge))
        return result


def flat(values: Iterable[Any]) -> Iterator[Any]:
    """What PyTorch's functions take or give: numbers and tensors, some in lists."""
    for value in values:
        if isinstance(value, list | tuple):
            yield from value
        else:
            yield value
