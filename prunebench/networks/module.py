"""One network of a batch as a module of its own."""

import copy
from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor, nn

from prunebench.networks.layers import Role

# What produces units, and what normalises them; nothing else may have parameters.
CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
PRODUCERS = (nn.Linear, *CONVOLUTIONS)
NORMALISATIONS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
# What the numbers of a normalisation are to the units that it normalises.
NORMALISED: dict[str, Role] = {
    "weight": "scale",
    "bias": "bias",
    "running_mean": "statistic",
    "running_var": "statistic",
}


def own_tensors(module: nn.Module) -> dict[str, Tensor]:
    """By name: parameters, then buffers, those too that it would not save."""
    return {**dict(module.named_parameters()), **dict(module.named_buffers())}


def normalisations(module: nn.Module) -> dict[str, nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d]:
    """By path."""
    return {path: one for path, one in module.named_modules() if isinstance(one, NORMALISATIONS)}


def name_of(path: str, name: str) -> str:
    """What a tensor of the module at a path is called; the path of the outermost is empty."""
    return f"{path}.{name}".removeprefix(".")


def with_tensors(template: nn.Module, tensors: Mapping[str, Tensor]) -> nn.Module:
    """A copy of the template with these tensors, copied, by name; there may be fewer units than it has."""
    module = copy.deepcopy(template)
    for name, tensor in tensors.items():
        path, _, own = name.rpartition(".")
        inside = module.get_submodule(path)
        value = tensor.detach().clone()
        if (old := inside._parameters.get(own)) is not None:
            inside._parameters[own] = nn.Parameter(value, requires_grad=old.requires_grad)
        else:
            inside._buffers[own] = value
    for inside in module.modules():
        _say_sizes(inside)
    return module


def sequential(
    w_in: Float[Tensor, "neurons inputs"],
    bias: Float[Tensor, " neurons"],
    w_out: Float[Tensor, "outputs neurons"],
    *,
    trim: bool,
) -> nn.Module:
    """The shallow network as `nn.Sequential(Linear, ReLU, Linear(bias=False))`; see `Networks.to_module`."""
    width = len(w_in)
    if trim:
        used = ((w_in != 0).any(dim=1) | (bias != 0) | (w_out != 0).any(dim=0)).nonzero()
        width = 1 + int(used.max()) if len(used) else 1
    with torch.device("meta"):  # where ordinary layers draw nothing from the global generator
        template = nn.Sequential(nn.Linear(1, 1), nn.ReLU(), nn.Linear(1, 1, bias=False))
    own = {"0.weight": w_in[:width], "0.bias": bias[:width], "2.weight": w_out[:, :width]}
    return with_tensors(template, own)


def _say_sizes(module: nn.Module) -> None:
    """Put a layer's own account of its sizes right after its tensors were changed."""
    if isinstance(module, nn.Linear):
        module.out_features, module.in_features = module.weight.shape
    elif isinstance(module, CONVOLUTIONS):
        module.out_channels, module.in_channels = module.weight.shape[:2]
    elif isinstance(module, NORMALISATIONS):
        there = [t for t in (module.weight, module.bias, module.running_mean) if t is not None]
        module.num_features = len(there[0]) if there else module.num_features
