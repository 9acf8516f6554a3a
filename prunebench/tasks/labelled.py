"""A labelled data set as it was read: raw values, class numbers and class names."""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float64, Int64, Num

from prunebench.errors import RequestError


@dataclass(frozen=True, eq=False)
class LabelledData:
    """Training and test samples with class numbers, values not yet scaled.

    Attributes:
        x_train, x_test: vectors (samples, D), gray images (samples, H, W) or colour ones (samples, H, W, 3).
        y_train, y_test: class numbers.
        names: class number -> class name. A named class may have no samples.
        low, high: the values that become 0 and 1.
    """

    x_train: Num[np.ndarray, "train *image"]
    y_train: Int64[np.ndarray, " train"]
    x_test: Num[np.ndarray, "test *image"]
    y_test: Int64[np.ndarray, " test"]
    names: Mapping[int, str]
    low: float
    high: float

    @property
    def present(self) -> dict[int, str]:
        """The classes that have samples, with their names."""
        there = {*np.unique(self.y_train).tolist(), *np.unique(self.y_test).tolist()}
        return {number: name for number, name in self.names.items() if number in there}

    def only(self, classes: Collection[int]) -> "LabelledData":
        """The samples of these classes, in their order."""
        train, test = (np.isin(y, list(classes)) for y in (self.y_train, self.y_test))
        return replace(
            self,
            x_train=self.x_train[train],
            y_train=self.y_train[train],
            x_test=self.x_test[test],
            y_test=self.y_test[test],
        )

    @property
    def hash(self) -> str:
        """SHA-256 of the raw values, class numbers and range, whatever file they came from."""
        digest = hashlib.sha256(repr((self.low, self.high)).encode())
        for array in (self.x_train, self.y_train, self.x_test, self.y_test):
            little = array.astype(array.dtype.newbyteorder("<"), copy=False)
            digest.update(repr((array.shape, little.dtype.str)).encode())
            digest.update(np.ascontiguousarray(little).data)
        return digest.hexdigest()


def value_range(x_train: Num[np.ndarray, "..."]) -> tuple[float, float]:
    """0 to 255 for bytes, which are pixels; for other numbers the smallest and largest of the training part.

    Raises `RequestError` where these are equal, not finite, or too far apart for a float.
    """
    if x_train.dtype == np.uint8:
        return 0.0, 255.0
    low, high = float(x_train.min()), float(x_train.max())
    if low == high:
        raise RequestError("x_train", f"{low:g} everywhere", "inputs that differ between samples are needed")
    if not np.isfinite(high - low):
        raise RequestError("x_train", (low, high), "finite inputs are needed")
    return low, high


def inputs(x: Num[np.ndarray, "samples ..."], colour: bool) -> Float64[np.ndarray, "samples ..."]:
    """Vectors (samples, D), or images (samples, channels, H, W), where colour becomes gray unless asked for.

    Luma of ITU-R BT.601, `0.299 R + 0.587 G + 0.114 B`; for bytes rounded to a byte, as PIL does.
    `RequestError`: no colours where asked.
    """
    if colour and x.ndim != 4:
        raise RequestError("colour", colour, "these data have none")
    if colour:
        x = x.transpose(0, 3, 1, 2)
    elif x.ndim == 4 and x.dtype == np.uint8:
        from PIL import Image

        in_one = Image.fromarray(x.reshape(-1, *x.shape[2:]))  # image below image
        x = np.asarray(in_one.convert("L")).reshape(x.shape[:3])
    elif x.ndim == 4:
        # Sums in half precision are too coarse; those in single are the bits of the tasks that there are.
        x = x.astype(np.float64) if x.dtype == np.float16 else x
        red, green, blue = (x[..., channel] for channel in range(3))
        x = 0.299 * red + 0.587 * green + 0.114 * blue
    return np.ascontiguousarray(x[:, None] if x.ndim == 3 else x, np.float64)
