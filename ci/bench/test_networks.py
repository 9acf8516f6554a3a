"""Networks of several layers: rows of docs/networks-bench.md."""

import itertools
import time
from collections.abc import Callable
from typing import Any

import pytest
import torch
from networks_bench import NETWORKS, SEEDS, ours, problem_of, torch_loop

from prunebench.networks.ablation import ablations

pytestmark = pytest.mark.benchmark(timer=time.process_time, group="networks of several layers")
STEPS = {"mlp": 200, "lenet": 100}  # of a slice of the loop; others take longer


@pytest.mark.parametrize("batch", [4, 16])
@pytest.mark.parametrize("spec", NETWORKS)
def test_layered(spec: str, batch: int, faster: Callable[..., Any]) -> None:
    """Against a module, `torch.optim.SGD`, one network after another."""
    steps = STEPS.get(spec, 40)
    problem, state = problem_of(spec, batch, range(SEEDS), 200)
    loop, engine = torch_loop(problem, state, steps, 1), ours(problem, state, max(1, steps // SEEDS))
    faster("PyTorch", lambda: loop()[0], lambda: engine()[0])


@pytest.mark.parametrize("spec", ["mlp", "lenet"])
def test_ablation(spec: str, faster: Callable[..., Any]) -> None:
    """The loss without each unit, against a whole pass for each."""
    problem, state = problem_of(spec, 16, range(1), 1)
    network, samples = state.networks, 256
    starts = itertools.cycle(range(len(problem.x) - samples))  # the same samples again are remembered

    def whole() -> int:
        gates = 1 - torch.eye(network.units)
        for row in gates:
            network.gated(row[None]).loss(problem.x[:samples], problem.y[:samples])
        return network.units

    def ours() -> int:
        own = slice(start := next(starts), start + samples)
        ablations(network, problem.x[own], problem.y[own])
        return network.units

    faster("whole passes", whole, ours)
