"""Every engine computes what the plain loop does: in float64 to 1e-9, in float32 up to rounding."""


import pytest
import torch

import prunebench as pb
from prunebench.networks import Masks, Networks
from prunebench.training.engines import ENGINES
from prunebench.training.recipe import Recipe
from prunebench.training.train import Trajectory

FAST = sorted(set(ENGINES) - {"plain"})
TOLERANCE = {torch.float64: 1e-9, torch.float32: 2e-4}


def random_task(samples: int, inputs: int) -> pb.Task:
    draw = torch.Generator().manual_seed(samples * 1000 + inputs)
    x = torch.rand(samples + 5, inputs, generator=draw) * 2 - 1
    y = torch.arange(samples + 5) % 2
    return pb.Task(x[:samples], y[:samples], x[samples:], y[samples:])


def random_masks(networks: Networks, share: float) -> Masks:
    draw = torch.Generator().manual_seed(5)
    w_in, w_out = (torch.rand(t.shape, generator=draw) < share for t in (networks.w_in, networks.w_out))
    return Masks(w_in, w_out)


def difference(a: Networks, b: Networks) -> float:
    """Largest difference of any tensor, relative to its largest number."""
    pairs = zip(a.tensors, b.tensors, strict=True)
    return max(float((p - q).abs().max() / q.abs().max().clamp(min=1e-30)) for p, q in pairs)


def assert_same(run: Trajectory, plain: Trajectory, tolerance: float) -> None:
    assert run.states.keys() == plain.states.keys()
    for step, state in plain.states.items():
        assert run.states[step].step == step
        assert difference(run.states[step].networks, state.networks) <= tolerance
        assert difference(run.states[step].velocity, state.velocity) <= tolerance
    assert difference(run.final, plain.final) <= tolerance
    torch.testing.assert_close(run.history.loss, plain.history.loss, rtol=tolerance, atol=tolerance)
    assert torch.equal(run.history.steps, plain.history.steps)


# (samples, inputs, width, batch, momentum): dual and primal forms, smaller last minibatches, one sample
# at a time, the full batch, no momentum and a long one.
SHAPES = [
    (30, 40, 7, 4, 0.9),
    (90, 12, 7, 4, 0.9),
    (33, 40, 5, 6, 0.0),
    (90, 12, 4, 7, 0.0),
    (50, 60, 5, 50, 0.99),
    (50, 6, 5, 50, 0.99),
    (20, 5, 1, 1, 0.5),
    (20, 30, 3, 1, 0.5),
]


@pytest.mark.parametrize("engine", FAST)
@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_equal_to_the_plain_loop(
    engine: str, dtype: torch.dtype, shape: tuple[int, int, int, int, float]
) -> None:
    samples, inputs, width, batch, momentum = shape
    task = random_task(samples, inputs)
    recipe = Recipe(width, 0.1, 0.02, momentum, batch, steps=500)
    stops = (0, 1, 7, 222, 223)
    runs = [
        pb.train(task, recipe, seeds=(3, 8), snapshot_steps=stops, dtype=dtype, engine=name, record_every=60)
        for name in (engine, "plain")
    ]
    assert_same(*runs, tolerance=TOLERANCE[dtype])
