from pathlib import Path
from typing import Any


def test_scorers_with_parameters_and_origin(prunebench: Any) -> None:
    result = prunebench("list", "scorers")
    assert result.code == 0
    for text in ("alignment", "sparsity=0.5", "prunebench 0", "oracle (sees the end)"):
        assert text in result.out


def test_own_files_are_listed(prunebench: Any, folder: Path) -> None:
    (folder / "mine.py").write_text("import prunebench as pb\n\nclass Mine(pb.Scorer):\n    name = 'mine'\n")
    result = prunebench("list", "scorers", "--plugin", "mine.py")
    assert "mine.py" in result.out


def test_data_sets(prunebench: Any) -> None:
    result = prunebench("list", "datasets")
    assert result.code == 0
    for name in ("mnist5k", "digits", "cifar10", "cifar100", "mnist", "fashion-mnist", "svhn"):
        assert name in result.out
