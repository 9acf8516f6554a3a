"""The paper's network: "It's Not a Lottery, It's a Race", section 5."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

import prunebench as pb
from prunebench.networks import Layer
from prunebench.networks.shallow import Shallow as Module
from prunebench.networks.shallow import shallow_architecture


@dataclass(frozen=True)
class Shallow(pb.Network):
    """One hidden layer of ReLU units and no output bias: the default.

    Its width and its initial scale are a recipe's `width` and `init_std`, and a recipe of this network is one
    without a network, whose weights and training are those of the paper.
    """

    name = "shallow"
    paper = "It's Not a Lottery, It's a Race"

    def build(self, shape: tuple[int, ...], outputs: int) -> nn.Module:
        """As a recipe has it where nothing is said."""
        recipe = pb.Recipe()
        module = Module(recipe.width, math.prod(shape), outputs)
        with torch.no_grad():
            for weight in (module.w_in, module.w_out):
                weight.normal_(std=recipe.init_std)
        return module

    def layers(self, module: nn.Module, x: Float[Tensor, "samples ..."]) -> tuple[Layer, ...]:
        """The hidden layer; its parameters are of no ordinary module, so none would be found."""
        return shallow_architecture(pb.Recipe().width, 2).layers
