"""The paper's network: one hidden layer of ReLU units, no output bias (section 5)."""

from functools import lru_cache

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import linear

from prunebench.errors import RequestError
from prunebench.networks.architecture import SHALLOW, Architecture
from prunebench.networks.layers import Layer, Part
from prunebench.networks.networks import Networks

_PARTS = (Part("w_in", 0, "incoming"), Part("bias", 0, "bias"), Part("w_out", 1, "outgoing"))


class Shallow(nn.Module):
    """`f(x) = V relu(W x + b)`; `softmax` of that is the network's output.

    Attributes:
        w_in: incoming weights W (d, D), one row per neuron.
        bias: hidden biases b (d,).
        w_out: outgoing weights V (C, d), one column per neuron.
    """

    def __init__(self, width: int, inputs: int, outputs: int) -> None:
        super().__init__()
        self.w_in = nn.Parameter(torch.zeros(width, inputs))
        self.bias = nn.Parameter(torch.zeros(width))
        self.w_out = nn.Parameter(torch.zeros(outputs, width))

    def forward(self, x: Float[Tensor, "samples ..."]) -> Float[Tensor, "samples outputs"]:
        """Logits."""
        return linear(torch.relu(linear(x.flatten(1), self.w_in, self.bias)), self.w_out)


def shallow_networks(
    w_in: Float[Tensor, "seeds neurons inputs"],
    bias: Float[Tensor, "seeds neurons"],
    w_out: Float[Tensor, "seeds outputs neurons"],
) -> Networks:
    """A batch of shallow networks, or gradients of some, from their tensors."""
    if bias.shape != w_in.shape[:2] or w_out.shape[::2] != bias.shape:
        shapes = tuple(tuple(tensor.shape) for tensor in (w_in, bias, w_out))
        raise RequestError("networks", shapes, "shapes must be (S,d,D), (S,d), (S,C,d)")
    architecture = shallow_architecture(w_in.shape[1], w_out.shape[1])
    return Networks(architecture, {"w_in": w_in, "bias": bias, "w_out": w_out})


@lru_cache(maxsize=256)
def shallow_architecture(width: int, outputs: int) -> Architecture:
    """The architecture of d = `width` neurons, for any number of inputs."""
    layers = (Layer("hidden", width, _PARTS),)
    return Architecture(SHALLOW, _module(outputs), layers, outputs, key=f"{SHALLOW} {outputs}")


@lru_cache(maxsize=256)
def _module(outputs: int) -> Shallow:
    with torch.device("meta"):
        return Shallow(1, 1, outputs).eval()
