"""The minibatches: which samples a network sees at which step."""

from collections.abc import Iterable

import numpy as np
import torch
from jaxtyping import Int64
from torch import Tensor

from prunebench.training.initial import ORDER_STREAM, generator
from prunebench.training.recipe import epoch_steps

PAD = -1


def minibatch_order(samples: int, batch_size: int, steps: int, seed: int) -> Int64[Tensor, "steps batch"]:
    """Sample indices of every step: a fresh permutation each epoch, drawn from the seed's own generator.

    Where `batch_size` does not divide `samples` the last minibatch of an epoch is smaller, and its row ends
    in -1. A longer order starts with the shorter one.
    """
    rows = epoch_steps(samples, batch_size)
    epochs = -(-steps // rows)
    draw = generator(seed, ORDER_STREAM)
    order = np.full((epochs, rows * batch_size), PAD, dtype=np.int64)
    for epoch in order:
        epoch[:samples] = draw.permutation(samples)
    return torch.from_numpy(order.reshape(epochs * rows, batch_size)[:steps])


def balanced_order(
    y: Int64[np.ndarray, " samples"], draw: np.random.Generator
) -> Int64[np.ndarray, " samples"]:
    """Sample indices in a drawn order in which classes take turns: no class has its next before all had one.

    The first n samples, and any n of them in a row, then hold every class about equally often.
    """
    order = draw.permutation(len(y))
    turn = np.zeros(len(y), dtype=np.int64)
    for label in np.unique(y):
        mine = y[order] == label
        turn[mine] = np.arange(mine.sum())
    return order[np.argsort(turn, kind="stable")]


def minibatch_orders(
    samples: int, batch_size: int, steps: int, seeds: Iterable[int]
) -> Int64[Tensor, "seeds steps batch"]:
    """The order of each seed."""
    return torch.stack([minibatch_order(samples, batch_size, steps, seed) for seed in seeds])
