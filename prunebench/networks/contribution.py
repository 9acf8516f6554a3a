"""What a unit contributes to what reads it: how much its activation varies, times its outgoing weights."""

from collections.abc import Mapping
from contextlib import ExitStack

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.functional import linear

from prunebench.counting import FORWARD, count
from prunebench.device import full_precision
from prunebench.errors import RequestError
from prunebench.networks.derivatives import SAMPLES_AT_ONCE
from prunebench.networks.module import PRODUCERS
from prunebench.networks.networks import Networks
from prunebench.networks.products import Products


@full_precision()
@torch.no_grad()
def contributions(networks: Networks, x: Float[Tensor, "samples ..."]) -> Float[Tensor, "seeds units"]:
    """`std(h_i)|v_i|`, in evaluation mode, in the networks' dtype (docs/protocols.md, "Other truths").

    h_i is what the next tensor reads of unit i, after the nonlinearity, pooling or normalisation that stands
    in between; its standard deviation is over samples and positions. Where several tensors read a unit
    (behind a shortcut), theirs add up as lengths do: `sqrt(sum_c (std(h_ic)|v_ic|)^2)`.
    """
    x = networks.architecture.shaped(x.to(networks.device, networks.dtype))
    count(networks.seeds * len(x) * FORWARD)

    def compute(s: int) -> Tensor:
        one = {name: tensor[s] for name, tensor in networks.tensors.items()}
        module = networks.architecture.own_module
        readings = _Readings({part.tensor: part.repeat for part in parts})
        for samples in x.split(SAMPLES_AT_ONCE):
            readings.read(module, one, samples)
        rows = []
        for layer in networks.layers:
            total = torch.zeros(layer.units, dtype=torch.float64, device=x.device)
            for part in layer.of("outgoing"):
                length = part.by_unit(one[part.tensor][None].double())[0].norm(dim=1)
                total += readings.variance(part.tensor) * length**2
            rows.append(total.sqrt())
        return torch.cat(rows)

    parts = [part for layer in networks.layers for part in layer.of("outgoing")]
    return torch.stack(networks.each(compute)).to(networks.dtype)


class _Readings:
    """Sums over what linear layers and convolutions read, channel by channel, in float64."""

    def __init__(self, repeats: Mapping[str, int]) -> None:
        self._repeats = repeats
        self._sums = dict[str, tuple[int, Tensor, Tensor]]()

    def variance(self, name: str) -> Float[Tensor, " units"]:
        """Of the channels that a tensor reads, over all that was read."""
        if name not in self._sums:
            raise RequestError("network", f"units that {name} reads", "a linear layer must read them by it")
        numbers, total, squares = self._sums[name]
        return (squares / numbers - (total / numbers) ** 2).clamp(min=0)

    def read(self, module: nn.Module, tensors: Mapping[str, Tensor], x: Float[Tensor, "samples ..."]) -> None:
        """Add what the module reads: at the doors of its layers, or by tensors that are of none."""
        free = {}
        with ExitStack() as stack:
            for name in self._repeats:
                inside = module.get_submodule(name.rpartition(".")[0])
                if isinstance(inside, PRODUCERS):
                    hook = inside.register_forward_pre_hook(
                        lambda layer, given, named, name=name: self._add(
                            name,
                            next(iter((*given, *named.values()))),
                            -1 if isinstance(layer, nn.Linear) else 1,
                        ),
                        with_kwargs=True,
                    )
                    stack.callback(hook.remove)
                else:
                    free[name] = tensors[name]
            with Products(free) as seen:
                functional_call(module, dict(tensors), (x,))
        for product in seen.products:
            if product.function is linear and product.weight is not None:
                self._add(product.weight, product.given, -1)

    def _add(self, name: str, read: Float[Tensor, "..."], axis: int) -> None:
        """What a tensor reads, with its channels along this axis; all else are samples and positions."""
        channels = read.shape[axis] // self._repeats[name]
        read = read.movedim(axis, 0).reshape(channels, -1).double()
        numbers, total, squares = self._sums.get(name, (0, 0.0, 0.0))
        self._sums[name] = numbers + read.shape[1], total + read.sum(1), squares + read.square().sum(1)
