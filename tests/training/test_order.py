"""The minibatches: which samples come when, from the seed alone."""

import numpy as np
import pytest
import torch

import prunebench as pb
from prunebench.training.order import PAD


@pytest.mark.parametrize("batch_size", [1, 4, 5, 10])
def test_each_epoch_is_a_permutation_of_its_own(batch_size: int) -> None:
    """Samples that are left at an epoch's end are a smaller minibatch, filled up behind them."""
    rows = -(-10 // batch_size)
    order = pb.minibatch_order(10, batch_size, 3 * rows, 7)
    epochs = order.reshape(3, -1)
    assert torch.equal(epochs[:, :10].sort().values, torch.arange(10).expand(3, -1))
    assert bool((epochs[:, 10:] == PAD).all())
    assert len({tuple(epoch) for epoch in epochs.tolist()}) == 3
    assert torch.equal(pb.minibatch_order(10, batch_size, rows + 1, 7), order[: rows + 1])
    draw = np.random.default_rng([7, 1])  # the stream that all boards are of
    assert epochs[0, :10].tolist() == draw.permutation(10).tolist()
