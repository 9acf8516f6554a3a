"""The simulation behind docs/growth.md, where the answer is known."""

import runpy
from pathlib import Path

import pytest

SIMULATE = runpy.run_path(str(Path(__file__).parents[2] / "ci" / "growth.py"))["simulate"]


def test_a_cluster_of_any_size() -> None:
    one = SIMULATE(workers=1, jobs=50, seconds=3.0, service=0.1)
    assert one == pytest.approx(50 * 3.1)  # one after another
    some = SIMULATE(workers=10, jobs=50, seconds=3.0, service=0.1)
    assert 5 * 3.1 <= some < 5 * 3.1 + 10 * 0.1
    every = SIMULATE(workers=10**6, jobs=50, seconds=3.0, service=0.1)
    assert every == pytest.approx(50 * 0.1 + 3.0)  # the one process is the bound
