"""Initial weights, and the random generators that everything of a seed is drawn from."""

import math
from collections.abc import Iterable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from prunebench.networks import Networks, shallow_networks
from prunebench.networks.build import build
from prunebench.training.architecture import network_of
from prunebench.training.recipe import Recipe
from prunebench.training.seeds import check_seeds

# Streams of one seed. They are independent, so drawing more of one never shifts another.
WEIGHT_STREAM, ORDER_STREAM, SCORER_STREAM, REINITIALISED_STREAM, SHUFFLE_STREAM, LABEL_STREAM = range(6)
TWIN_STREAM = 6


def generator(seed: int, *stream: int) -> np.random.Generator:
    """The CPU generator of one stream of a seed: equal numbers whatever the device and the other seeds."""
    return np.random.default_rng([seed, *stream])


def initialise(
    recipe: Recipe,
    inputs: int | tuple[int, ...],
    seeds: Iterable[int],
    *,
    outputs: int = 2,
    dtype: torch.dtype = torch.float32,
    stream: int = WEIGHT_STREAM,
) -> Networks:
    """Untrained networks on the CPU: of the recipe's network as it is built for samples of this shape.

    The shallow one has `W, V ~ Normal(0, init_std^2)` and `b = 0` (paper, section 5).
    """
    shape = (inputs,) if isinstance(inputs, int) else inputs
    network = network_of(recipe)
    draws = [generator(seed, stream) for seed in check_seeds(seeds)]
    if network is not None:
        numbers = [int(draw.integers(2**63)) for draw in draws]
        return build(network, shape, outputs, numbers, recipe.scale, recipe.init).to(dtype=dtype)

    def normal(*size: int) -> Float[Tensor, "seeds rows columns"]:
        numbers = (draw.standard_normal(size) * recipe.init_std for draw in draws)
        return torch.stack([torch.from_numpy(own).to(dtype) for own in numbers])

    w_in, w_out = normal(recipe.width, math.prod(shape)), normal(outputs, recipe.width)
    return shallow_networks(w_in, torch.zeros(w_in.shape[:2], dtype=dtype), w_out)
