"""Nothing that is computed of networks leaves their device, shown on `meta`, whose tensors hold no numbers.

Sums, products number by number and concatenations raise where tensors of two devices meet: no GPU is needed
to see what would fail there.
"""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

import prunebench as pb
from prunebench.networks import Networks
from prunebench.networks.normalisation import recalibrated
from prunebench.training.engines.together import _of_all

SPECS = {
    "mlp[widths=9-7]": (6,),
    "lenet[width=0.5]": (1, 12, 12),
    "vgg[width=0.25]": (1, 16, 16),
    "resnet[depth=8,width=0.25]": (1, 8, 8),
}


def networks_there(spec: str) -> Networks:
    networks = pb.initialise(pb.Recipe(network=pb.load_network(spec)), SPECS[spec], (0, 1), outputs=3)
    return networks.map(lambda tensor: tensor.to("meta"))


def samples_there(spec: str) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.empty(10, *SPECS[spec], device="meta"), torch.zeros(10, dtype=torch.int64, device="meta")


def loss(logits: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return nn.functional.cross_entropy(logits[0], y)[None]  # by no name: what is remembered is read


def weighted(networks: Networks, x: torch.Tensor, y: torch.Tensor) -> Networks:
    return networks.hessian_vector_product(networks.gradient(x, y, loss=loss), x, y, loss=loss)


WORK: dict[str, Callable[[Networks, torch.Tensor, torch.Tensor], Any]] = {
    "logits": lambda nets, x, y: nets.logits(x),
    "gradient": lambda nets, x, y: nets.gradient(x, y, loss=loss),
    "even": lambda nets, x, y: nets._objective("even").gradient(*nets._one(0), x, y),
    "hessian": weighted,
    "fisher": lambda nets, x, y: nets.fisher_diagonal(x, y),
    "gates": lambda nets, x, y: nets.gate_gradients(x, y),
    "norms": lambda nets, x, y: nets.norms(),
    "sums": lambda nets, x, y: nets.unit_sums("incoming", "bias", "outgoing"),
    "gated": lambda nets, x, y: nets.gated(torch.ones(2, nets.units, device="meta")).logits(x),
    "kept": lambda nets, x, y: nets.keep(
        {layer.name: torch.zeros(2, 2, dtype=torch.int64) for layer in nets.layers}
    ).logits(x),
    "recalibrated": lambda nets, x, y: recalibrated(nets, x),
}


@pytest.mark.parametrize("work", WORK)
@pytest.mark.parametrize("spec", SPECS)
def test_networks_stay_on_their_device(spec: str, work: str) -> None:
    found = WORK[work](networks_there(spec), *samples_there(spec))
    tensors = (
        found.tensors if isinstance(found, Networks) else found if isinstance(found, dict) else {"": found}
    )
    assert {tensor.device.type for tensor in tensors.values()} == {"meta"}


@pytest.mark.parametrize("spec", SPECS)
def test_the_gradient_of_all_at_once_stays_there(spec: str) -> None:
    """With batches of their own and running statistics that move: what a CUDA graph records."""
    networks, (x, y) = networks_there(spec), samples_there(spec)
    module = networks.architecture.module
    batch = torch.zeros(2, 4, dtype=torch.int64, device="meta")
    try:
        gradients = _of_all(module.train(), networks)(x[batch], y[batch])
    finally:
        module.eval()
    assert {tensor.device.type for tensor in gradients} == {"meta"}


def test_what_would_fail_there_raises() -> None:
    networks = networks_there("lenet[width=0.5]")
    with pytest.raises(RuntimeError, match="device"):
        networks.map(lambda tensor: tensor + torch.ones(tensor.shape))
