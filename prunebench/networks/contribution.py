"""What a unit contributes to what reads it: how much its activation varies, times its outgoing weights."""

from collections.abc import Mapping
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.func import functional_call
from torch.nn.functional import linear
from torch.overrides import TorchFunctionMode

from prunebench.counting import FORWARD, count
from prunebench.device import full_precision
from prunebench.networks.derivatives import SAMPLES_AT_ONCE
from prunebench.networks.networks import Networks

_READERS = (linear, torch.conv1d, torch.conv2d, torch.conv3d)


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
        with _Readings({part.tensor: part.repeat for part in parts}, one) as readings:
            for samples in x.split(SAMPLES_AT_ONCE):
                functional_call(networks.architecture.own_module, one, (samples,))
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


class _Readings(TorchFunctionMode):
    """Sums over what linear layers and convolutions read, channel by channel, in float64."""

    def __init__(self, repeats: Mapping[str, int], tensors: Mapping[str, Tensor]) -> None:
        super().__init__()
        self._repeats = repeats
        self._names = {id(tensors[name]): name for name in repeats}
        self._sums = dict[str, tuple[int, Tensor, Tensor]]()

    def variance(self, name: str) -> Float[Tensor, " units"]:
        """Of the channels that a tensor reads, over all that was read."""
        numbers, total, squares = self._sums[name]
        return (squares / numbers - (total / numbers) ** 2).clamp(min=0)

    def __torch_function__(
        self,
        function: Any,
        types: Any,
        arguments: tuple[Any, ...] = (),
        keywords: dict[str, Any] | None = None,
    ) -> Any:
        """Call it."""
        if function in _READERS and (name := self._names.get(id(arguments[1]))):
            channels = arguments[0].shape[1] // self._repeats[name]
            read = arguments[0].movedim(1, 0).reshape(channels, -1).double()
            numbers, total, squares = self._sums.get(name, (0, 0.0, 0.0))
            self._sums[name] = numbers + read.shape[1], total + read.sum(1), squares + read.square().sum(1)
        return function(*arguments, **(keywords or {}))
