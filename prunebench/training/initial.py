"""Initial weights, and the random generators that everything of a seed is drawn from."""

from collections.abc import Iterable

import numpy as np
import torch

from prunebench.networks import Networks
from prunebench.training.recipe import Recipe
from prunebench.training.seeds import check_seeds

# Streams of one seed. They are independent, so drawing more of one never shifts another.
WEIGHT_STREAM, ORDER_STREAM, SCORER_STREAM, REINITIALISED_STREAM = range(4)


def generator(seed: int, *stream: int) -> np.random.Generator:
    """The CPU generator of one stream of a seed: equal numbers whatever the device and the other seeds."""
    return np.random.default_rng([seed, *stream])


def initialise(
    recipe: Recipe,
    inputs: int,
    seeds: Iterable[int],
    *,
    outputs: int = 2,
    dtype: torch.dtype = torch.float32,
    stream: int = WEIGHT_STREAM,
) -> Networks:
    """Untrained networks: `W, V ~ Normal(0, init_std^2)`, `b = 0` (paper, section 5), on the CPU."""
    weights = []
    for seed in check_seeds(seeds):
        draw = generator(seed, stream)
        weights.append(
            tuple(
                torch.from_numpy(draw.standard_normal(shape) * recipe.init_std).to(dtype)
                for shape in ((recipe.width, inputs), (outputs, recipe.width))
            )
        )
    w_in, w_out = (torch.stack(part) for part in zip(*weights, strict=True))
    return Networks(w_in, torch.zeros(w_in.shape[:2], dtype=dtype), w_out)
