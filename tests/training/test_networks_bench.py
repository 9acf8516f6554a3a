"""The benchmark of the built-in networks, small."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

CI = Path(__file__).parents[2] / "ci"


@pytest.mark.slow
def test_it_writes_a_table(tmp_path: Path) -> None:
    """Its numbers are this machine's; that the engine is not far behind a plain loop holds on any."""
    out = tmp_path / "bench.md"
    subprocess.run(
        [sys.executable, str(CI / "networks_bench.py"), "--quick", "--out", str(out)], check=True, timeout=300
    )
    rows = [line for line in out.read_text().splitlines() if line.startswith(("| mlp", "| lenet"))]
    assert len(rows) == 2
    for row in rows:
        ratio = re.search(r"\(([\d.]+)\)[^()]*$", row)
        assert ratio is not None
        assert float(ratio[1]) > 0.5


@pytest.mark.slow
def test_shares_of_the_machine_s_rate() -> None:
    """The layers alone are no faster than the machine, and a step of PyTorch's has them in it."""
    command = [sys.executable, str(CI / "networks_rate.py"), "--quick", "--turns", "1"]
    printed = subprocess.run(command, check=True, capture_output=True, text=True, timeout=300).stdout
    row = next(line for line in printed.splitlines() if line.startswith("| lenet"))
    layers, step = (int(share) for share in re.findall(r"\((\d+) %\)", row)[:2])
    assert 0 < layers < 200
    assert 0 < step < 110
