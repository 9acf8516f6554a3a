"""The comparison of `pytest ci/bench --benchmark-only`; what it measures is not for every test run."""

import json
import runpy
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "ci" / "bench"


def test_a_quarter_slower_than_the_baseline_fails(tmp_path: Path) -> None:
    judge = runpy.run_path(str(FOLDER / "conftest.py"))["_judge"]
    judge.__globals__["BASELINE"] = tmp_path / "baseline.json"
    with pytest.raises(pytest.skip.Exception, match="no baseline of"):
        judge("case", "PyTorch", 4.0, store=False)
    judge("case", "PyTorch", 4.0, store=True)
    judge("case", "PyTorch", 3.01, store=False)
    with pytest.raises(AssertionError, match="no such case"):
        judge("another", "PyTorch", 4.0, store=False)
    assert len(json.loads((tmp_path / "baseline.json").read_text())) == 1, "of this kind of CPU"
    with pytest.raises(AssertionError, match=r"2.99 times as fast as PyTorch; the baseline has 4.00"):
        judge("case", "PyTorch", 2.99, store=False)


def test_every_stored_case_is_measured() -> None:
    stored = json.loads((FOLDER / "baseline.json").read_text())
    networks_bench = runpy.run_path(str(FOLDER.parent / "networks_bench.py"))
    expected = {f"test_layered[{spec}-{batch}]" for spec in networks_bench["NETWORKS"] for batch in (4, 16)}
    expected |= {"test_ablation[mlp]", "test_ablation[lenet]"}
    for cpu, cases in stored.items():
        assert expected == {case for case in cases if not case.startswith("test_shallow[")}, cpu
