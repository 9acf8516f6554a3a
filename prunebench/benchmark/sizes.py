"""How large networks are of which a share of every layer's units is kept."""

import copy
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from prunebench.benchmark.plan import Plan
from prunebench.evaluation.fractions import written_share
from prunebench.evaluation.selection import first_of_layers
from prunebench.networks import Architecture, Networks
from prunebench.networks.module import NORMALISATIONS, PRODUCERS, own_tensors
from prunebench.results import Size


def sizes_of(plan: Plan, final: Networks) -> dict[str, Size]:
    """Parameters, and multiply-adds for one sample, by share; `1` is the whole network.

    Counted by Torch-Pruning on the pruned module. Equal shares keep equally many units, so it is the same for
    every choice of them.
    """
    return {written_share(share): _size(final, share) for share in dict.fromkeys((1.0, *plan.fractions))}


@cache
def multiply_adds_of(architecture: Architecture) -> int:
    """Of one whole network, for one sample; a sweep's thousands of jobs share their architectures."""
    # Zeros, not the device `meta`: what forward makes itself would be on another one.
    module = copy.deepcopy(architecture.module).to_empty(device="cpu")
    for tensor in own_tensors(module).values():
        tensor.detach().zero_()
    return _count(module, torch.zeros(1, *(architecture.shape or ())))[1]


def _size(final: Networks, share: float) -> Size:
    module = final.select(0).keep(first_of_layers(final.layers, share)).to_module(0).eval()
    sample = torch.zeros(1, *(final.architecture.shape or ()), device=final.device, dtype=final.dtype)
    return Size(*_count(module, sample))


def _count(module: nn.Module, sample: Tensor) -> tuple[int, int]:
    """Parameters and multiply-adds; the module keeps the hooks that it is given."""
    from torch_pruning.utils import count_ops_and_params, op_counter

    for inside in module.modules():
        inside.register_forward_pre_hook(_by_position, with_kwargs=True)
    # It looks layers up by their very class, and forgets what it is told here after every count.
    op_counter.CUSTOM_MODULES_MAPPING = {
        type(inside): op_counter.MODULES_MAPPING[kind]
        for inside in module.modules()
        for kind in PRODUCERS + NORMALISATIONS
        if isinstance(inside, kind) and type(inside) not in op_counter.MODULES_MAPPING
    }
    with torch.no_grad():
        multiply_adds, parameters = count_ops_and_params(module, sample)
    return round(parameters), round(multiply_adds)


def _by_position(
    _: nn.Module, given: tuple[Any, ...], named: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The one thing that a layer reads, where it has a name: Torch-Pruning looks for it among the others."""
    return (given, named) if given or len(named) != 1 else (tuple(named.values()), {})
