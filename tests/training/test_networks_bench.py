"""The benchmark of the built-in networks, small."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "ci" / "networks_bench.py"


@pytest.mark.slow
def test_it_writes_a_table(tmp_path: Path) -> None:
    """Its numbers are this machine's; that the engine is not far behind a plain loop holds on any."""
    out = tmp_path / "bench.md"
    subprocess.run([sys.executable, str(SCRIPT), "--quick", "--out", str(out)], check=True, timeout=300)
    rows = [line for line in out.read_text().splitlines() if line.startswith(("| mlp", "| lenet"))]
    assert len(rows) == 2
    for row in rows:
        ratio = re.search(r"\(([\d.]+)\)[^()]*$", row)
        assert ratio is not None
        assert float(ratio[1]) > 0.5
