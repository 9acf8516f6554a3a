"""Initial weights, and the random generators that everything of a seed is drawn from."""

import math
from collections.abc import Iterable

import numpy as np
import torch

from prunebench.networks import Networks, shallow_networks
from prunebench.networks.build import build
from prunebench.training.architecture import architecture_of, network_of
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
    if (network := network_of(recipe)) is not None:
        draws = [int(generator(seed, stream).integers(2**63)) for seed in check_seeds(seeds)]
        return build(network, shape, outputs, draws, recipe.scale, recipe.init).to(dtype=dtype)
    weights = []
    for seed in check_seeds(seeds):
        draw = generator(seed, stream)
        weights.append(
            tuple(
                torch.from_numpy(draw.standard_normal(shape) * recipe.init_std).to(dtype)
                for shape in ((recipe.width, math.prod(shape)), (outputs, recipe.width))
            )
        )
    w_in, w_out = (torch.stack(part) for part in zip(*weights, strict=True))
    return shallow_networks(w_in, torch.zeros(w_in.shape[:2], dtype=dtype), w_out)


def weights_of(recipe: Recipe, shape: tuple[int, ...], outputs: int) -> int:
    """How many numbers a network of this recipe has."""
    if recipe.network is None:
        return recipe.width * (math.prod(shape) + 1 + outputs)
    module = architecture_of(recipe, shape, outputs).module
    return sum(parameter.numel() for parameter in module.parameters())
