"""Batches of networks from ordinary modules, and modules from networks."""

import copy
from collections.abc import Sequence

import torch
from torch import nn

from prunebench.errors import RequestError
from prunebench.networks.architecture import Architecture
from prunebench.networks.module import NORMALISATIONS
from prunebench.networks.network import Network
from prunebench.networks.networks import Networks
from prunebench.plugin.spec import canonical

_BUILT: dict[tuple[object, ...], Architecture] = {}


def architecture(network: Network, shape: tuple[int, ...], outputs: int) -> Architecture:
    """What all networks of this kind share that take samples of this shape; one for equal arguments.

    Raises `RequestError` for what cannot be taken, as `find_layers` does, and for a module that does not give
    so many outputs.
    """
    key = (type(network), canonical(network), shape, outputs)
    if key not in _BUILT:
        with torch.random.fork_rng(devices=[]):
            module = _uncounted(network.build(shape, outputs)).eval()
        x = torch.zeros(2, *shape)  # two: normalisation needs more than one
        layers = network.layers(module, x)
        with torch.no_grad():
            found = tuple(module(x).shape)
        if found != (2, outputs):
            accepted = f"logits of shape (samples, {outputs}) are needed"
            raise RequestError(f"network {network.name}", f"outputs of shape {found}", accepted)
        _BUILT[key] = Architecture(network.name, module.to("meta"), layers, outputs, shape)
    return _BUILT[key]


def build(
    network: Network, shape: tuple[int, ...], outputs: int, draws: Sequence[int], scale: float = 1.0
) -> Networks:
    """A batch of untrained networks, in float32, one from each number that a generator is seeded with.

    `scale` multiplies all weights. What is drawn elsewhere is not disturbed.
    """
    modules = []
    for draw in draws:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(draw)
            modules.append(network.build(shape, outputs))
    networks = stack(architecture(network, shape, outputs), modules)
    return networks if scale == 1 else _scaled(networks, scale)


def stack(architecture: Architecture, modules: Sequence[nn.Module]) -> Networks:
    """The modules' tensors as one batch, copied. `RequestError`: they are not of this architecture."""
    states = [dict(_uncounted(copy.deepcopy(module)).state_dict()) for module in modules]
    for state in states:
        if sorted(state) != sorted(architecture.names):
            other = sorted(set(state) ^ set(architecture.names))
            raise RequestError("modules", ", ".join(other), "modules built alike are needed")
        for name in state:
            if state[name].shape != states[0][name].shape:
                shapes = [tuple(states[0][name].shape), tuple(state[name].shape)]
                raise RequestError(f"modules {name}", shapes, "equal shapes are needed")
    return Networks(
        architecture, {name: torch.stack([s[name].detach() for s in states]) for name in architecture.names}
    )


def _scaled(networks: Networks, scale: float) -> Networks:
    """Weights times `scale`; biases, gains and statistics as they are."""
    names = networks.architecture.weights
    return networks.like({name: t * scale if name in names else t for name, t in networks.tensors.items()})


def _uncounted(module: nn.Module) -> nn.Module:
    """Without the counters of batches, which nothing here reads: running statistics move by `momentum`."""
    for inside in module.modules():
        if isinstance(inside, NORMALISATIONS):
            inside.num_batches_tracked = None
    return module
