"""How large networks are, before any are made or trained."""

import torch
from torch.func import functional_call
from torch.utils.flop_counter import FlopCounterMode

from prunebench.networks import Networks


def multiply_adds(network: Networks, shape: tuple[int, ...]) -> float:
    """Multiplications for one sample of this shape on its way forward, in products and convolutions.

    `network` is a batch of one. Nothing is computed.
    """
    tensors = {name: tensor[0].to("meta") for name, tensor in network.tensors.items()}
    x = torch.empty(1, *shape, device="meta", dtype=network.dtype)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        functional_call(network.architecture.module, tensors, (x,))
    return float(counter.get_total_flops()) / 2
