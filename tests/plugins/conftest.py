"""A small problem with everything that is awkward: biases, dead neurons, unbalanced data, odd minibatches."""

import functools

import numpy as np
import pytest
import torch

import prunebench as pb
from prunebench.training.twins import train_twins, twin_orders

SEEDS = (3, 11, 4)
DEAD_ON_DATA, NEARLY_WITHOUT_OUTPUT, WITHOUT_WEIGHTS = 2, 5, 7


def make_task(samples=41, inputs=6):
    draw = np.random.default_rng(0)
    x = draw.standard_normal((samples, inputs)) + 0.2
    y = (np.arange(samples) % 4 == 0).astype(int)
    x[y == 1] += draw.standard_normal(inputs)
    return pb.Task(x, y, x[:8], y[:8])


def make_networks(seeds=3, width=11, inputs=6, scale=0.5):
    draw = np.random.default_rng(1)
    shapes = ((seeds, width, inputs), (seeds, width), (seeds, 2, width))
    w_in, bias, w_out = (torch.from_numpy(scale * draw.standard_normal(s)).float() for s in shapes)
    bias[:, DEAD_ON_DATA] = -50
    # Not exactly 0: outgoing weights would stay equal and opposite, and rounding decide which IMP prunes.
    w_out[:, 0, NEARLY_WITHOUT_OUTPUT], w_out[:, 1, NEARLY_WITHOUT_OUTPUT] = 0, 1e-3
    w_in[:, WITHOUT_WEIGHTS], bias[:, WITHOUT_WEIGHTS], w_out[:, :, WITHOUT_WEIGHTS] = 0, 0, 0
    return pb.shallow_networks(w_in, bias, w_out)


@pytest.fixture
def snapshot():
    """Step 8 of 25 of a training that starts from awkward networks, in float32; its memory is its own."""
    return small_snapshot(torch.float32)


@pytest.fixture
def precise():
    """The same in float64."""
    return small_snapshot(torch.float64)


def small_snapshot(dtype):
    run = small_run(dtype)
    twin = train_twins(run, 8, twin_orders(run.seeds, 0)).final
    return run.snapshot(8, with_final=True).with_twin(twin).copy()


@functools.cache
def small_run(dtype):
    recipe = pb.Recipe(width=11, init_std=0.5, learning_rate=0.1, batch_size=4, steps=25)
    start = pb.State(make_networks())
    return pb.train(
        make_task(),
        recipe,
        seeds=SEEDS,
        snapshot_steps=(8,),
        start=start,
        device="cpu",
        dtype=dtype,
        engine="plain",
    )
