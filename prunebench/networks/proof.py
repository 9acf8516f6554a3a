"""What is tried out on a module before it is trained: that it draws nothing, and that its units can go."""

import copy
from collections.abc import Sequence
from contextlib import ExitStack

import torch
from jaxtyping import Float
from torch import Tensor, nn

from prunebench.errors import RequestError
from prunebench.networks.layers import Layer
from prunebench.networks.networks import Networks

# Of the largest logit, in float32: above rounding, and far below what a unit does.
TOLERANCE = 1e-4


def check_draws(module: nn.Module, x: Float[Tensor, "samples ..."]) -> None:
    """Raises `RequestError`, naming the place, for a module that draws random numbers when it is trained.

    Engines would draw others, and a network would no longer be what its seed says.
    """
    module = copy.deepcopy(module).train()
    states: list[Tensor] = []
    drew: list[str] = []

    def begins(*_: object) -> None:
        states.append(torch.get_rng_state())

    def ends(path: str, inside: nn.Module) -> None:
        if not torch.equal(states.pop(), torch.get_rng_state()):
            drew.append(f"random numbers of {type(inside).__name__} ({path or 'the module itself'})")

    with torch.random.fork_rng(devices=[]), ExitStack() as stack, torch.no_grad():
        for path, inside in module.named_modules():
            stack.callback(inside.register_forward_pre_hook(begins).remove)
            hook = inside.register_forward_hook(lambda inside, *_, path=path: ends(path, inside))
            stack.callback(hook.remove)
        module(x)
    if drew:  # the innermost ends first
        accepted = "training draws the order of the samples alone: leave it out, or dropout with p=0"
        raise RequestError("network", drew[0], accepted)


def check_units(networks: Networks, x: Float[Tensor, "samples ..."]) -> None:
    """Raises `RequestError`, naming the layer, where a unit that is gated and one that is removed differ.

    Networks of one seed are needed.
    """
    draw = torch.Generator().manual_seed(0)

    def varied(tensor: Tensor) -> Tensor:
        """Other numbers in place of equal ones, such as zeros, which would hide what they do."""
        equal = bool((tensor == tensor.flatten()[0]).all())
        return tensor + 0.1 * torch.rand(tensor.shape, generator=draw) if equal else tensor

    varied_networks = networks.to("cpu", torch.float32).map(varied)
    x = torch.randn(x.shape, generator=draw)
    if not _are_gone(varied_networks, x, networks.layers):
        layer = next((layer for layer in networks.layers if not _are_gone(varied_networks, x, [layer])), None)
        where = "units" if layer is None else f"units of layer {layer.name}"
        accepted = (
            "the network must be the same whether they are switched off or removed: what reads them is no "
            "layer but a normalisation, softmax or mean over units, say, or a size is written into forward"
        )
        raise RequestError("network", where, accepted)


def _are_gone(networks: Networks, x: Float[Tensor, "samples ..."], layers: Sequence[Layer]) -> bool:
    """Whether a half of these layers' units can be removed as well as gated."""
    kept = {layer.name: torch.arange(0, layer.units, 2)[None] for layer in layers}
    gates = [
        torch.ones(1, layer.units).index_fill(1, torch.arange(1, layer.units, 2), 0)
        if layer.name in kept
        else torch.ones(1, layer.units)
        for layer in networks.layers
    ]
    gated = networks.gated(torch.cat(gates, dim=1)).logits(x)
    try:
        removed = networks.keep(kept).logits(x)
    except RequestError:
        raise
    except Exception:  # whatever a module raises whose sizes do not fit any more
        return False
    return bool((gated - removed).abs().max() <= TOLERANCE * gated.abs().max())
