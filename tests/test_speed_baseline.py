"""The comparison of `pytest ci/bench --benchmark-only`; what it measures is not for every test run."""

import json
import runpy
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "ci" / "bench"


def test_a_quarter_slower_than_the_baseline_fails(tmp_path: Path) -> None:
    judge = runpy.run_path(str(FOLDER / "conftest.py"))["_judge"]
    judge.__globals__["BASELINE"] = tmp_path / "baseline.json"
    with pytest.raises(AssertionError, match="no such cell"):
        judge("cell", "PyTorch", 4.0, store=False)
    judge("cell", "PyTorch", 4.0, store=True)
    judge("cell", "PyTorch", 3.01, store=False)
    with pytest.raises(AssertionError, match=r"2.99 times as fast as PyTorch; the baseline has 4.00"):
        judge("cell", "PyTorch", 2.99, store=False)


def test_every_stored_cell_is_measured() -> None:
    stored = json.loads((FOLDER / "baseline.json").read_text())
    cells = runpy.run_path(str(FOLDER.parent / "networks_bench.py"))
    expected = {f"test_layered[{spec}-{batch}]" for spec in cells["NETWORKS"] for batch in (4, 16)}
    assert expected <= set(stored)
    assert all(cell.startswith(("test_shallow[", "test_layered[")) for cell in stored)
