import sys
from pathlib import Path
from typing import Any

import pytest

from prunebench.plugin.registry import Registry
from prunebench.scoring.registry import SCORERS


def test_scorers_with_parameters_and_origin(prunebench: Any) -> None:
    result = prunebench("list", "scorers")
    assert result.code == 0
    for text in ("alignment", "sparsity=0.5", "prunebench 0", "oracle (sees the end)"):
        assert text in result.out


def test_scorers_whose_package_is_not_installed(prunebench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are listed all the same, and no failure of a check of all; a run says what to install."""
    monkeypatch.setitem(sys.modules, "torch_pruning", None)
    result = prunebench("list", "scorers")
    assert result.code == 0
    assert "torch_pruning" in result.out
    result = prunebench("run", "--scorer", "torch_pruning")
    assert result.code == 2
    assert result.err.splitlines() == [
        "prunebench: --scorer: got 'torch_pruning'; it needs the package torch-pruning: "
        "pip install 'prunebench[torch-pruning]'"
    ]
    others = set(Registry(SCORERS).plugins) - {"torch_pruning", "magnitude"}
    monkeypatch.setenv("PRUNEBENCH_DISABLE_PLUGINS", ",".join(others))
    result = prunebench("check", "--all")
    assert result.code == 0
    assert "not checked: it needs the package torch-pruning" in result.out
    assert "1 of 1 scorers keep the contract" in result.out


def test_own_files_are_listed(prunebench: Any, folder: Path) -> None:
    (folder / "mine.py").write_text("import prunebench as pb\n\nclass Mine(pb.Scorer):\n    name = 'mine'\n")
    result = prunebench("list", "scorers", "--plugin", "mine.py")
    assert "mine.py" in result.out


def test_data_sets(prunebench: Any) -> None:
    result = prunebench("list", "datasets")
    assert result.code == 0
    for name in ("mnist5k", "digits", "cifar10", "cifar100", "mnist", "fashion-mnist", "svhn"):
        assert name in result.out
