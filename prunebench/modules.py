"""Networks from plain torch modules; the way back is `Networks.to_module`."""

import inspect
import re
import sys
from collections.abc import Callable, Hashable
from functools import cache
from typing import Any, overload

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.nn.utils.rnn import pad_sequence

from prunebench.errors import RequestError
from prunebench.networks import Networks, shallow_networks
from prunebench.networks.build import architecture_of, check_alike, copied, stack
from prunebench.networks.discover import find_layers
from prunebench.networks.module import own_tensors
from prunebench.networks.network import Network


@overload
def from_module(*modules: nn.Module | Tensor) -> Networks: ...


@overload
def from_module(factory: Callable[[], nn.Module], /) -> Network: ...


def from_module(*modules: Any) -> Networks | Network:
    """A batch of networks from modules, one network each; a kind of network from what makes modules.

    - `from_module(module, x)`: any module that can be taken (`networks.discover.find_layers`), with samples
      that it takes; several modules must be built alike.
    - `from_module(module)`: of modules `nn.Sequential(Linear, ReLU, Linear)`, shallow networks. A hidden
      layer without a bias has biases 0. Modules may differ in width: as in `theory.merge`, the narrower
      ones end in neurons that are all 0, which `to_module` leaves out again.
    - `from_module(factory)`: a network for `Recipe(network=...)` from a class, or a function, that makes a
      module when it is called without arguments. At the top level of a file it is known by its name and that
      file's code. All others (lambdas, functions in functions, those of a notebook) are each another network
      in every process: what was trained of them is not found again.

    Weights are copied, in the modules' dtype and on their device.

    Raises:
        RequestError: modules that cannot be taken or are no batch; without `x`, layers other than these three
            and an output bias that is not all 0 (the shallow networks have none).
    """
    if len(modules) == 1 and callable(modules[0]) and not isinstance(modules[0], nn.Module):
        if not isinstance(modules[0], Hashable):
            accepted = "it must have a hash, by which it is known again (as @dataclass(frozen=True) has)"
            raise RequestError("factory", type(modules[0]).__name__, accepted)
        return _network_of(modules[0])()
    samples = modules[-1] if modules and isinstance(modules[-1], Tensor) else None
    modules = modules if samples is None else modules[:-1]
    if not modules:
        raise RequestError("modules", "none", "at least one is needed")
    for one in modules:
        if callable(one) and not isinstance(one, nn.Module):
            called = getattr(one, "__name__", type(one).__name__)
            accepted = (
                f"a module is needed: {called}(...) makes one, and pb.from_module({called}) a pb.Network"
            )
            raise RequestError("modules", called, accepted)
        if not isinstance(one, nn.Module):
            accepted = "modules are needed, and last, where there are any, samples as a tensor"
            raise RequestError("modules", type(one).__name__, accepted)
    return _shallow(modules) if samples is None else _any(modules, samples)


def _any(modules: tuple[nn.Module, ...], x: Float[Tensor, "samples ..."]) -> Networks:
    if not len(x):
        raise RequestError("samples", tuple(x.shape), "at least one is needed")
    if any(is_lazy(tensor) for one in modules for tensor in own_tensors(one).values()):
        accepted = "call each of them once, from which their layers learn their sizes"
        raise RequestError("modules", "layers without sizes", accepted)
    like = next((tensor for tensor in modules[0].parameters() if tensor.is_floating_point()), x)
    x = x[:2].to(like) if len(x) > 1 else torch.cat([x, x]).to(like)  # normalisation needs two
    first = modules[0]
    networks = stack(architecture_of(first, x, find_layers, type(first).__name__), modules)
    _check_alike(networks, modules, x)
    return networks


def _check_alike(networks: Networks, modules: tuple[nn.Module, ...], x: Float[Tensor, "samples ..."]) -> None:
    check_alike(networks, [copied(module).eval() for module in modules], x, "modules")


@cache
def _network_of(factory: Callable[[], nn.Module]) -> type[Network]:
    """A class that builds what the factory makes, named as that is."""
    module = getattr(factory, "__module__", "")
    name = getattr(factory, "__qualname__", type(factory).__name__)

    class FromModule(Network):
        def build(self, shape: tuple[int, ...], outputs: int) -> nn.Module:
            return factory()

        def __reduce__(self) -> tuple[Any, ...]:
            return from_module, (factory,)

    FromModule.name = re.sub(r"[^\w.-]+", "_", f"{module}.{name}").lstrip("_.-") or "factory"
    known = inspect.isfunction(factory) or inspect.isclass(factory)
    # The code that counts is the factory's. A class of no file is like no other one.
    FromModule.__qualname__ = name
    top_level = known and getattr(sys.modules.get(module), name, None) is factory
    FromModule.__module__ = module if top_level else "builtins"
    return FromModule


def _shallow(modules: tuple[nn.Module, ...]) -> Networks:
    parts = [_weights(module) for module in modules]
    kinds = {(tensor.dtype, str(tensor.device)) for part in parts for tensor in part}
    if len(kinds) > 1:
        found = ", ".join(sorted(f"{dtype} on {device}" for dtype, device in kinds))
        raise RequestError("modules", found, "one dtype and one device for all weights are needed")
    sizes = {(w_in.shape[1], w_out.shape[1]) for w_in, _, w_out in parts}
    if len(sizes) > 1:
        raise RequestError("modules", sorted(sizes), "all need the same number of (inputs, outputs)")
    # The narrower ones end in neurons that are all 0.
    w_in, bias, w_out = (pad_sequence(list(alike), batch_first=True) for alike in zip(*parts, strict=True))
    networks = shallow_networks(w_in, bias, w_out.mT.contiguous())
    _check_alike(networks, modules, w_in.new_zeros(2, w_in.shape[2]))
    return networks


def _weights(
    module: nn.Module,
) -> tuple[Float[Tensor, "neurons inputs"], Float[Tensor, " neurons"], Float[Tensor, "neurons outputs"]]:
    """W, b and V^T: a row of each for every neuron."""
    layers = list(module) if isinstance(module, nn.Sequential) else []
    match layers:
        case [nn.Linear() as hidden, nn.ReLU(), nn.Linear() as output]:
            pass
        case _:
            inside = f"({', '.join(type(layer).__name__ for layer in layers)})" if layers else ""
            accepted = "nn.Sequential(nn.Linear, nn.ReLU, nn.Linear) is needed, or samples beside the module"
            raise RequestError("module", f"{type(module).__name__}{inside}", accepted)
    w_in, w_out = hidden.weight.detach(), output.weight.detach()
    if len(w_in) != w_out.shape[1]:
        widths = (len(w_in), w_out.shape[1])
        raise RequestError("module", widths, "the first layer's outputs must be as many as the last's inputs")
    if output.bias is not None and bool(output.bias.any()):
        accepted = "these networks have none: it must be all 0, or nn.Linear(..., bias=False)"
        raise RequestError("module's output bias", output.bias.tolist(), accepted)
    bias = w_in.new_zeros(len(w_in)) if hidden.bias is None else hidden.bias.detach()
    return w_in, bias, w_out.T
