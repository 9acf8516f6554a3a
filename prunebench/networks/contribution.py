"""What a unit contributes to what reads it: how much its activation varies, times its outgoing weights."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.functional import linear
from torch.overrides import TorchFunctionMode

from prunebench.counting import FORWARD, count
from prunebench.device import full_precision
from prunebench.errors import RequestError
from prunebench.networks.derivatives import SAMPLES_AT_ONCE
from prunebench.networks.module import PRODUCERS
from prunebench.networks.networks import Networks


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
        with readings.of(module, one):
            for samples in x.split(SAMPLES_AT_ONCE):
                functional_call(module, one, (samples,))
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

    @contextmanager
    def of(self, module: nn.Module, tensors: Mapping[str, Tensor]) -> Iterator[None]:
        """Meanwhile add what the module reads: at the doors of its layers, or by tensors that are of none."""
        free = {}
        with ExitStack() as stack:
            for name in self._repeats:
                inside = module.get_submodule(name.rpartition(".")[0])
                if isinstance(inside, PRODUCERS):
                    hook = inside.register_forward_pre_hook(
                        lambda layer, given, named, name=name: self.add(
                            name, next(iter((*given, *named.values()))), _axis(layer)
                        ),
                        with_kwargs=True,
                    )
                    stack.callback(hook.remove)
                else:
                    free[id(tensors[name])] = name
            stack.enter_context(_Linear(free, self))
            yield

    def add(self, name: str, read: Float[Tensor, "..."], axis: int) -> None:
        """What a tensor reads, with its channels along this axis; all else are samples and positions."""
        channels = read.shape[axis] // self._repeats[name]
        read = read.movedim(axis, 0).reshape(channels, -1).double()
        numbers, total, squares = self._sums.get(name, (0, 0.0, 0.0))
        self._sums[name] = numbers + read.shape[1], total + read.sum(1), squares + read.square().sum(1)


def _axis(layer: nn.Module) -> int:
    """Of the channels in what it reads."""
    return -1 if isinstance(layer, nn.Linear) else 1


class _Linear(TorchFunctionMode):
    """Sees what is multiplied by tensors of these names."""

    def __init__(self, names: Mapping[int, str], readings: _Readings) -> None:
        super().__init__()
        self._names, self._readings = names, readings

    def __torch_function__(
        self,
        function: Any,
        types: Any,
        arguments: tuple[Any, ...] = (),
        keywords: dict[str, Any] | None = None,
    ) -> Any:
        """Call it."""
        keywords = keywords or {}
        if function is linear:
            given = dict(zip(("input", "weight"), arguments, strict=False)) | keywords
            if name := self._names.get(id(given["weight"])):
                self._readings.add(name, given["input"], -1)
        return function(*arguments, **keywords)
