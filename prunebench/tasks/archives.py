"""The official archives of well-known data sets, verified by checksum and decoded here.

Checksums and addresses are torchvision's. torchvision itself does not decode them: it checks MNIST's files
only while it unpacks them, and its CIFAR version is a set of pickles. For CIFAR this reads the authors'
*binary* version instead (same images, same order), with the checksums of
https://www.cs.toronto.edu/~kriz/cifar.html, so that no pickle is ever loaded.
"""

import gzip
import tarfile
from math import prod
from pathlib import Path

import numpy as np
from jaxtyping import Int64, UInt8

from prunebench.tasks.bundled import DIGIT_NAMES
from prunebench.tasks.cache import Cache
from prunebench.tasks.labelled import LabelledData

# A slash separates the two sides on the command line, so the first, "T-shirt/top", is written with a hyphen.
_FASHION = "T-shirt-top,Trouser,Pullover,Dress,Coat,Sandal,Shirt,Sneaker,Bag,Ankle boot"
FASHION_NAMES = dict(enumerate(_FASHION.split(",")))
CIFAR_URL = "https://www.cs.toronto.edu/~kriz/"
CIFAR10_MD5 = "c32a1d4ab5d03f1284b67883e8d87530"
CIFAR100_MD5 = "03b5dce01913d631647c71ecec9e9cb8"


def mnist(cache: Cache) -> LabelledData:
    """MNIST: 60,000 and 10,000 digits, 28 x 28 bytes."""
    return _idx_files(cache, "mnist", "MNIST", DIGIT_NAMES)


def fashion_mnist(cache: Cache) -> LabelledData:
    """Fashion-MNIST: 60,000 and 10,000 pictures of clothes, 28 x 28 bytes."""
    return _idx_files(cache, "fashion-mnist", "FashionMNIST", FASHION_NAMES)


def svhn(cache: Cache) -> LabelledData:
    """SVHN, cropped digits: 73,257 and 26,032 colour images, 32 x 32 bytes."""
    from scipy.io import loadmat
    from torchvision.datasets import SVHN

    parts: dict[str, np.ndarray] = {}
    for split in ("train", "test"):
        url, name, md5 = SVHN.split_list[split]
        contents = loadmat(cache.file("svhn", name, md5, [url]), variable_names=["X", "y"])
        # The file counts (height, width, channel, sample), and calls the digit 0 class 10.
        parts[f"x_{split}"] = np.moveaxis(contents["X"], 3, 0)
        parts[f"y_{split}"] = contents["y"].reshape(-1).astype(np.int64) % 10
    return LabelledData(**parts, names=DIGIT_NAMES, low=0.0, high=255.0)


def cifar10(cache: Cache) -> LabelledData:
    """CIFAR-10: 50,000 and 10,000 colour images, 32 x 32 bytes."""
    train = tuple(f"data_batch_{number}.bin" for number in range(1, 6))
    return _cifar(cache, 10, CIFAR10_MD5, train, "test_batch.bin", "batches.meta.txt", labels=1)


def cifar100(cache: Cache) -> LabelledData:
    """CIFAR-100 with its 100 fine classes: 50,000 and 10,000 colour images, 32 x 32 bytes."""
    return _cifar(cache, 100, CIFAR100_MD5, ("train.bin",), "test.bin", "fine_label_names.txt", labels=2)


def _idx_files(cache: Cache, dataset: str, theirs: str, names: dict[int, str]) -> LabelledData:
    """Training images, training labels, test images, test labels: the order of torchvision's list."""
    from torchvision import datasets

    source, parts = getattr(datasets, theirs), []
    for name, md5 in source.resources:
        path = cache.file(dataset, name, md5, [mirror + name for mirror in source.mirrors])
        parts.append(_idx(gzip.decompress(path.read_bytes())))
    x_train, y_train, x_test, y_test = parts
    return LabelledData(
        x_train, y_train.astype(np.int64), x_test, y_test.astype(np.int64), names, low=0.0, high=255.0
    )


def _idx(contents: bytes) -> UInt8[np.ndarray, "..."]:
    """An array in IDX format: two zeros, 8 for bytes, number of axes, their big-endian lengths, data."""
    axes = contents[3]
    shape = np.frombuffer(contents, ">i4", count=axes, offset=4).tolist()
    return np.frombuffer(contents, np.uint8, count=prod(shape), offset=4 + 4 * axes).reshape(shape)


def _cifar(
    cache: Cache, classes: int, md5: str, train: tuple[str, ...], test: str, names: str, labels: int
) -> LabelledData:
    """Members are read in place: nothing is unpacked to disk."""
    archive_name = f"cifar-{classes}-binary.tar.gz"
    file = cache.file(f"cifar{classes}", archive_name, md5, [CIFAR_URL + archive_name])
    wanted = (*train, test, names)
    members: dict[str, bytes] = {}
    with tarfile.open(file) as archive:
        for member in archive:
            name = Path(member.name).name
            if name in wanted and (stream := archive.extractfile(member)) is not None:
                members[name] = stream.read()
    x_train, y_train = _cifar_records(b"".join(members[name] for name in train), labels)
    x_test, y_test = _cifar_records(members[test], labels)
    class_names = dict(enumerate(members[names].decode().split()))
    return LabelledData(x_train, y_train, x_test, y_test, class_names, low=0.0, high=255.0)


def _cifar_records(
    contents: bytes, labels: int
) -> tuple[UInt8[np.ndarray, "samples 32 32 3"], Int64[np.ndarray, " samples"]]:
    """Records of label bytes (the last is the class) and the red, green and blue plane, row after row."""
    records = np.frombuffer(contents, np.uint8).reshape(-1, labels + 3 * 32 * 32)
    images = records[:, labels:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    return images, records[:, labels - 1].astype(np.int64)
