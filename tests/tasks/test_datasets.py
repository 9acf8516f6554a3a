import subprocess
import sys

from prunebench.tasks.datasets import DATASETS, default_steps
from prunebench.tasks.spec import TaskSpec


def test_list() -> None:
    known = ("mnist5k", "digits", "cifar10", "cifar100", "mnist", "fashion-mnist", "svhn")
    assert tuple(DATASETS) == known
    assert TaskSpec.dataset == "mnist5k"
    assert all(dataset.description and dataset.origin for dataset in DATASETS.values())
    assert [name for name in known if not DATASETS[name].download] == ["mnist5k", "digits"]


def test_default_steps() -> None:
    assert [default_steps(name) for name in ("mnist5k", "digits", "cifar10", "own.npz", "some/mnist5k")] == [
        4_000,
        4_000,
        16_000,
        16_000,
        16_000,
    ]


def test_the_list_imports_nothing_heavy() -> None:
    code = (
        "import sys, prunebench.tasks.datasets; heavy = 'torch torchvision sklearn scipy mlxtend PIL'; "
        "print([name for name in heavy.split() if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
