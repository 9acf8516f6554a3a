"""The shallow network: rows of docs/engine-bench.md."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from engine_bench import MAIN, SOME, Setting, problem_of
from peers import engine_steps, ours

pytestmark = pytest.mark.benchmark(timer=time.process_time, group="shallow network")


QUICK = [change for change in SOME if change != {"d": 2000}]  # which takes as long as all others


def name(change: Setting) -> str:
    """Of a case, by what differs from the main one."""
    return " ".join(f"{size}={value}" for size, value in change.items()) or "main"


@pytest.mark.parametrize("change", QUICK, ids=name)
def test_shallow(change: Setting, faster: Callable[..., Any]) -> None:
    """Against one batched product a layer, the fastest that people write in PyTorch."""
    task, recipe, seeds = problem_of(MAIN | change)
    steps = max(100, engine_steps(recipe, seeds, "cpu") // 4)
    few = max(2, steps // 10)
    faster(
        "batched PyTorch",
        ours(task, recipe, seeds, few, "cpu", "batched"),
        ours(task, recipe, seeds, steps, "cpu"),
    )
