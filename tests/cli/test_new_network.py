import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest


def test_a_file_that_passes_its_test_and_the_checks(
    prunebench: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    result = prunebench("new-network", "my_net")
    assert (result.code, result.out.split()) == (0, ["my_net.py", "test_my_net.py"])
    done = subprocess.run([sys.executable, "-m", "pytest", "-q"], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert "passed" in done.stdout
    result = prunebench("check", "my_net.py")
    assert result.code == 0, result.out
    assert "1 of 1 networks keep the contract" in result.out


def test_it_is_trained_and_ranked_at_once(prunebench: Any, npz: Path) -> None:
    prunebench("new-network", "my_net")
    options = ["--dataset", npz, "--classes", "all", "--samples", "40", "--steps", "20", "--seeds", "2"]
    options += ["--scorer", "snip", "--at-step", "0", "--protocol", "rank", "--json"]
    result = prunebench("run", "--network", "my_net.py:MyNet[width=4]", *options)
    assert result.code == 0, result.err
    assert result.json["recipe"]["network"]["spec"] == "my_net[width=4]"
    assert all(row["status"] == "ok" for row in result.json["rows"])


def test_a_package_is_complete(prunebench: Any, folder: Path) -> None:
    assert prunebench("new-network", "my_net", "--package").code == 0
    root = folder / "prunebench-my-net"
    assert not any("$" in path.read_text() for path in root.rglob("*.*") if path.is_file())
    text = (root / "pyproject.toml").read_text()
    assert '[project.entry-points."prunebench.networks"]' in text
    assert 'my_net = "prunebench_my_net:MyNet"' in text


@pytest.mark.parametrize("name", ["lenet", "class", "1x"])
def test_names_that_cannot_be(prunebench: Any, name: str) -> None:
    result = prunebench("new-network", name)
    assert (result.code, len(result.err.splitlines())) == (2, 1)
