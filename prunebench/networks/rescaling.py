"""Which layers' units may read by longer weights and be read by shorter ones, as those of ReLU may."""

import math
from weakref import WeakKeyDictionary

import torch
from jaxtyping import Float
from torch import Tensor

from prunebench.counting import counted
from prunebench.networks.architecture import Architecture
from prunebench.networks.layers import Layer
from prunebench.networks.networks import Networks
from prunebench.networks.proof import TOLERANCE

# Samples from a tenth to a thousand times the usual size: what is linear may only be so up to a bound.
SIZES = torch.logspace(-1, 3, 8, dtype=torch.float64)
LONGEST = 4.0

_found = WeakKeyDictionary[Architecture, tuple[bool, ...]]()


def rescalable(networks: Networks) -> tuple[bool, ...]:
    """Of each layer, whether units are the same with c times the `w_i` and `b_i`, and 1/c times the `v_i`.

    So it is where all that stands between is positively homogeneous: ReLU, leaky ReLU, maxima and means over
    positions; not with tanh, GELU or batch normalisation. Tried out on random weights and inputs in float64,
    once for an architecture, since it is the module's property, not that of some weights.
    """
    if networks.architecture not in _found:
        _found[networks.architecture] = _tried(networks)
    return _found[networks.architecture]


@torch.no_grad()
def _tried(networks: Networks) -> tuple[bool, ...]:
    architecture, draw = networks.architecture, torch.Generator().manual_seed(0)
    whole = networks.select(0).to("cpu", torch.float64)
    drawn = {name: _drawn(tensor, draw) for name, tensor in whole.trained.tensors.items()}
    whole = whole.like({**whole.tensors, **drawn})
    x = torch.randn(len(SIZES), *(architecture.shape or (networks.inputs,)), generator=draw).double()
    x *= SIZES.reshape(-1, *[1] * (x.ndim - 1))
    longer = LONGEST ** (2 * torch.rand(1, whole.units, generator=draw).double() - 1)
    with counted():
        logits = whole.logits(x)
        allowed = TOLERANCE * logits.abs().amax(dim=2)

        def is_same(layer: Layer, longer: Float[Tensor, "1 units"]) -> bool:
            changed = _rescaled(whole, layer, longer).logits(x) - logits
            return bool((changed.abs().amax(dim=2) <= allowed).all())

        of_layers = architecture.by_layer(longer)
        return tuple(not layer.of("scale", "statistic") and is_same(layer, own) for layer, own in of_layers)


def _drawn(tensor: Float[Tensor, "1 ..."], draw: torch.Generator) -> Float[Tensor, "1 ..."]:
    """Normal numbers with which activations stay about as large from layer to layer."""
    return torch.randn(tensor.shape, generator=draw).double() / math.prod(tensor.shape[2:]) ** 0.5


def _rescaled(networks: Networks, layer: Layer, longer: Float[Tensor, "1 units"]) -> Networks:
    tensors = dict(networks.tensors)
    for part in layer.of("incoming", "bias", "outgoing"):
        factors = 1 / longer if part.role == "outgoing" else longer
        tensors[part.tensor] = tensors[part.tensor] * part.spread(factors, tensors[part.tensor])
    return networks.like(tensors)
