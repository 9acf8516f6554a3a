"""Derivatives of the loss of one network by its tensors, and by gates on its units."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.func import functional_call, vmap

from prunebench.errors import RequestError
from prunebench.networks.attention import PlainAttention
from prunebench.networks.layers import Layer
from prunebench.networks.outcomes import LOSSES, Loss
from prunebench.networks.products import Products
from prunebench.threads import side_by_side

# Of one network: logits (1, N, C) and labels (N,) to a loss (1,).
LossFunction = Callable[[Tensor, Tensor], Tensor]
Tensors = dict[str, Tensor]
# Samples whose derivatives are computed together: what they need of a convolution then fits into a cache. Of
# gradients that are kept apart, sample by sample, so many numbers in all.
SAMPLES_AT_ONCE, NUMBERS_AT_ONCE = 64, 2**24
PRODUCTS_AT_ONCE = 1024


@dataclass(frozen=True)
class Objective:
    """The loss of one network as a function of its tensors: those that are trained, and the rest.

    On a CPU its samples are taken in parts, those of one network on several threads.

    Attributes:
        module: gives the calling thread's own (`Architecture.own_module`).
        loss: a mean over samples by name, or any function of logits and labels.
        temperature: divides the logits.
        whole: take all samples at once. The sums of the paper's network are so, since stored scores are of
            this rounding.
        attends: the module has attention (`Architecture.attends`).
    """

    module: Callable[[], nn.Module]
    loss: Loss | LossFunction
    temperature: float = 1.0
    whole: bool = False
    attends: bool = False

    def __post_init__(self) -> None:
        if isinstance(self.loss, str) and self.loss not in LOSSES:
            raise RequestError("loss", self.loss, f"one of {', '.join(LOSSES)}")

    def __call__(self, trained: Tensors, rest: Tensors, x: Tensor, y: Tensor) -> Tensor:
        """The loss of these samples together."""
        mean = LOSSES[self.loss] if isinstance(self.loss, str) else self.loss
        # Only where it is needed: it makes small networks a fifth slower.
        with PlainAttention() if self.attends else nullcontext():
            logits = functional_call(self.module(), (trained, rest), (x,))
        return mean(logits[None] / self.temperature, y)[0]

    def gradient(
        self, trained: Tensors, rest: Tensors, x: Tensor, y: Tensor, along: Tensors | None = None
    ) -> Tensors:
        """The gradient by what is trained; or, with a direction `along`, the Hessian times that."""
        # Means over samples can be taken part by part; a loss of the caller's need not be a mean.
        at_once = max(len(x), 1) if self.whole or not isinstance(self.loss, str) else SAMPLES_AT_ONCE
        inputs, labels = x.split(at_once), y.split(at_once)

        def compute(number: int) -> Tensors:
            # Leaves of a graph: `torch.func.grad` would do, but imports PyTorch's compiler, for a second.
            leaves = {name: tensor.detach().requires_grad_() for name, tensor in trained.items()}
            with torch.enable_grad():
                loss = self(leaves, rest, inputs[number], labels[number])
                found = _backwards(loss, leaves, again=along is not None)
                if along is not None:
                    # The Hessian is symmetric: backwards through the gradient is forwards along `along`.
                    products = [(found[name] * direction).sum() for name, direction in along.items()]
                    found = _backwards(torch.stack(products).sum(), leaves)
            return found

        if len(inputs) == 1:
            return compute(0)
        total: Tensors = {}
        for part, found in zip(inputs, side_by_side(compute, len(inputs), x.device), strict=True):
            for name, mean in found.items():
                share = mean * (len(part) / len(x))
                total[name] = total[name] + share if name in total else share
        return total

    def mean_squares(self, trained: Tensors, rest: Tensors, x: Tensor, y: Tensor) -> Tensors:
        """The mean over samples of each sample's squared gradient."""
        numbers = sum(tensor.numel() for tensor in trained.values())
        at_once = max(1, min(SAMPLES_AT_ONCE, NUMBERS_AT_ONCE // numbers))
        found = self._squares_of_products(trained, rest, x, y, _products_at_once(trained, at_once))
        if found is not None:
            return found
        each = vmap(lambda t, a, b: self(t, rest, a[None], b[None]))
        total = {name: torch.zeros_like(tensor) for name, tensor in trained.items()}
        for a, b in zip(x.split(at_once), y.split(at_once), strict=True):
            leaves = {name: _of_each(tensor, len(a)) for name, tensor in trained.items()}
            with torch.enable_grad():
                found = _backwards(each(leaves, a, b).sum(), leaves)
            for name, gradients in found.items():
                total[name] += gradients.square().sum(dim=0) / len(x)
        return total

    def _squares_of_products(
        self, trained: Tensors, rest: Tensors, x: Tensor, y: Tensor, at_once: int
    ) -> Tensors | None:
        """`mean_squares` where all that is trained multiplies what runs through, once; None elsewhere."""
        total: Tensors = {}
        for a, b in zip(x.split(at_once), y.split(at_once), strict=True):
            leaves = {name: tensor.detach().requires_grad_() for name, tensor in trained.items()}
            with torch.enable_grad(), Products(leaves) as seen:
                loss = len(a) * self(leaves, rest, a, b)
            if not seen.of_samples(len(a)):
                return None
            edges = [one.edge for one in seen.products if one.edge is not None]
            deltas = iter(torch.autograd.grad(loss, edges, allow_unused=True))
            for one in seen.products:
                for name, sums in one.squares(None if one.edge is None else next(deltas)):
                    total[name] = total[name] + sums / len(x) if name in total else sums / len(x)
        return {name: total[name] for name in trained} if total.keys() == trained.keys() else None

    def by_gates(
        self,
        layers: Sequence[Layer],
        gated: Callable[[Float[Tensor, " units"]], tuple[Tensors, Tensors]],
        gates: Float[Tensor, " units"],
        x: Float[Tensor, "samples ..."],
        y: Int64[Tensor, " samples"],
    ) -> Float[Tensor, "samples units"]:
        """Of each sample's loss by the `gates` on the layers' units, with the tensors that `gated` gives."""
        found = self._gates_of_products(layers, *gated(gates), x, y)
        if found is not None:
            return found
        each = vmap(lambda g, a, b: self(*gated(g), a[None], b[None]))
        rows: list[Tensor] = []
        for a, b in zip(x.split(SAMPLES_AT_ONCE), y.split(SAMPLES_AT_ONCE), strict=True):
            own = _of_each(gates, len(a))
            with torch.enable_grad():
                rows.append(*torch.autograd.grad(each(own, a, b).sum(), own))
        return torch.cat(rows)

    def _gates_of_products(
        self, layers: Sequence[Layer], trained: Tensors, rest: Tensors, x: Tensor, y: Tensor
    ) -> Tensor | None:
        """`by_gates` where all outgoing weights multiply what runs through, once; None elsewhere."""
        tensors = trained | rest
        weights = {part.tensor: tensors[part.tensor] for layer in layers for part in layer.of("outgoing")}
        at_once, rows = _products_at_once(trained, SAMPLES_AT_ONCE), []
        for a, b in zip(x.split(at_once), y.split(at_once), strict=True):
            with torch.enable_grad(), Products(weights, gated=True) as seen:
                loss = len(a) * self(tensors, {}, a, b)
            if not seen.of_samples(len(a)) or seen.gates.keys() != weights.keys():
                return None
            found = _backwards(loss, seen.gates)
            rows.append(torch.cat([_of_units(layer, found) for layer in layers], dim=1))
        return torch.cat(rows)


def _products_at_once(trained: Tensors, of_images: int) -> int:
    """How many samples: a network of matrices makes little of each."""
    return PRODUCTS_AT_ONCE if all(tensor.ndim <= 2 for tensor in trained.values()) else of_images


def _of_each(tensor: Tensor, samples: int) -> Tensor:
    """One for each sample, to take gradients by."""
    return tensor.detach().expand(samples, *tensor.shape).clone().requires_grad_()


def _of_units(layer: Layer, by_number: Tensors) -> Float[Tensor, "samples units"]:
    """From what is of each number, or channel, that the layer's outgoing weights multiply."""
    parts = [
        by_number[part.tensor].unflatten(1, (layer.units, part.repeat)).sum(dim=2)
        for part in layer.of("outgoing")
    ]
    return torch.stack(parts).sum(dim=0)


def _backwards(output: Float[Tensor, ""], leaves: Tensors, *, again: bool = False) -> Tensors:
    """The gradient of the output by the leaves, to be differentiated `again`."""
    if not output.requires_grad:  # nothing depends on them
        return {name: torch.zeros_like(tensor) for name, tensor in leaves.items()}
    found = torch.autograd.grad(output, list(leaves.values()), create_graph=again, materialize_grads=True)
    return dict(zip(leaves, found, strict=True))
