"""Networks of several layers: rows of docs/networks-bench.md."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from networks_bench import NETWORKS, SEEDS, ours, problem_of, torch_loop

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
