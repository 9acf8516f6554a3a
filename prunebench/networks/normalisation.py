"""Batch normalisation's running statistics, estimated again."""

import copy

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.func import functional_call

from prunebench.counting import FORWARD, count
from prunebench.device import full_precision
from prunebench.networks.architecture import Architecture
from prunebench.networks.module import normalisations
from prunebench.networks.networks import Networks

# Samples that one pass takes; each pass is normalised by its own statistics, which are then put together.
SAMPLES_AT_ONCE = 1024
FAR = 100  # standard deviations


def has_statistics(architecture: Architecture) -> bool:
    """Whether there is anything in such networks that `recalibrated` estimates."""
    return bool(_with_statistics(architecture.module))


@full_precision()
@torch.no_grad()
def recalibrated(networks: Networks, x: Float[Tensor, "samples ..."]) -> Networks:
    """The networks with running statistics that are the means and variances over these inputs.

    Each network sees all of them once, normalised by what it sees, as in training; no labels. What training
    leaves is an average of its last minibatches, and stands for the weights of some steps ago; after pruning
    it stands for another network. Networks without batch normalisation are returned themselves.
    """
    paths = _with_statistics(networks.architecture.module)
    if not paths:
        return networks
    x = networks.architecture.shaped(x.to(networks.device, networks.dtype))
    count(networks.seeds * len(x) * FORWARD)
    passes = x.tensor_split(-(-len(x) // SAMPLES_AT_ONCE))
    means, variances = ([f"{path}.{name}" for path in paths] for name in ("running_mean", "running_var"))
    tensors = dict(networks.tensors)
    for name in (*means, *variances):
        tensors[name] = torch.zeros_like(tensors[name])

    def estimate(s: int) -> None:
        module = _of_each_pass(networks.architecture.module, paths)
        one = {name: tensor[s] for name, tensor in networks.tensors.items()}
        each = []
        for part in passes:
            own = one | {name: one[name].clone() for name in (*means, *variances)}
            functional_call(module, own, (part,))
            each.append((len(part) / len(x), own))
        for mean, variance in zip(means, variances, strict=True):
            for share, own in each:
                tensors[mean][s] += share * own[mean]
                tensors[variance][s] += share * (own[variance] + own[mean] ** 2)
            square = tensors[mean][s] ** 2
            around = sum(share * (own[variance] + (own[mean] - tensors[mean][s]) ** 2) for share, own in each)
            # Of a mean that is far from 0 the difference of squares has no digits left.
            within = (tensors[variance][s] - square).clamp(min=0)
            tensors[variance][s] = torch.where(square > FAR**2 * around, around, within)

    networks.each(estimate)
    return networks.like(tensors)


def _of_each_pass(template: nn.Module, paths: list[str]) -> nn.Module:
    """A copy whose running statistics become those of the pass that was last."""
    module = copy.deepcopy(template)
    inside = normalisations(module)
    for path in paths:
        inside[path].train().momentum = 1.0
    return module


def _with_statistics(module: nn.Module) -> list[str]:
    """Paths of what has running statistics."""
    return [path for path, inside in normalisations(module).items() if inside.running_mean is not None]
