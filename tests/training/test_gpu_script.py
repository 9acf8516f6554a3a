"""The script that is prepared for a GPU, with a CPU in its place: it must run when there is one."""

import re
import runpy
from pathlib import Path
from typing import Any

import pytest

import prunebench as pb

CI = Path(__file__).parents[2] / "ci"


@pytest.mark.slow
def test_networks_of_several_layers_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    script: dict[str, Any] = runpy.run_path(str(CI / "gpu.py"))
    inside = script["main"].__globals__
    runs = {name: ("cpu", *how) for name, (_, *how) in script["LAYERED_RUNS"].items()}
    monkeypatch.setitem(inside, "LAYERED_RUNS", runs)
    monkeypatch.setitem(inside, "LAYERED_SEEDS", 2)
    lines = list(script["compared_layered"](pb.load_task("mnist5k", classes="all", samples=40), 3))
    assert len(lines) == len(script["LAYERED"]) * len(runs)
    for line in lines:
        difference = float(re.split(r"\s*\|\s*", line)[2])
        assert difference < (1e-9 if "float64" in line else 1e-2)


def test_all_its_parts_fit_into_eight_minutes() -> None:
    assert sum(map(int, re.findall(r"timeout (\d+)", (CI / "gpu.sh").read_text()))) <= 480
