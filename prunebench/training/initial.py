"""Initial weights, and the random generators that everything of a seed is drawn from."""

import itertools
from collections.abc import Iterable

import numpy as np
import torch

from prunebench.errors import RequestError
from prunebench.networks import Networks
from prunebench.training.recipe import Recipe

# Streams of one seed. They are independent, so drawing more of one never shifts another.
WEIGHT_STREAM, ORDER_STREAM, SCORER_STREAM, REINITIALISED_STREAM = range(4)


# What the store can hold, and how many networks no machine trains at once.
LARGEST_SEED, MOST_SEEDS = 2**63 - 1, 100_000
SEEDS = f"1 to {MOST_SEEDS:,} distinct whole numbers from 0 to 2^63 - 1 are needed"


def generator(seed: int, *stream: int) -> np.random.Generator:
    """The CPU generator of one stream of a seed: equal numbers whatever the device and the other seeds."""
    return np.random.default_rng([seed, *stream])


def check_seeds(seeds: Iterable[int]) -> tuple[int, ...]:
    """The seeds as a tuple; they are the replicates, so they must be distinct."""
    checked = tuple(itertools.islice(seeds, MOST_SEEDS + 1)) if isinstance(seeds, Iterable) else ()
    whole = all(
        isinstance(s, int | np.integer) and not isinstance(s, bool) and 0 <= s <= LARGEST_SEED
        for s in checked
    )
    if not 1 <= len(checked) <= MOST_SEEDS or not whole or len(set(checked)) < len(checked):
        raise RequestError("seeds", seeds, SEEDS)
    return tuple(int(s) for s in checked)


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
