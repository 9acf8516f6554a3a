"""The classification problem that networks are trained on."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from prunebench.errors import RequestError, check_type

# What the constructor takes: any numbers, checked and converted there.
Array = Tensor | np.ndarray
ARRAYS = ("x_train", "y_train", "x_test", "y_test")


@dataclass(frozen=True, eq=False, init=False)
class Task:
    """Samples of C classes, labelled 0 to C - 1; of two, 0 is the paper's class 1 (`y_s = +1`).

    Inputs are vectors (N, D) or have a shape, such as images (N, channels, height, width); they are kept
    flat, and `shape` says what a sample is. Arrays may come as numpy or torch; they are kept as CPU tensors,
    float32 and int64. Raises `RequestError` for wrong shapes, labels other than 0 to C - 1, a class that is
    not in the training set, and inputs that are not finite or do not vary.

    Attributes:
        shape: of one sample: (D,), or (channels, height, width).
        name: short name for tables.
        source: how the task was drawn (data set, hash of the data, classes, samples, seed, scaling), only for
            the record; JSON values.
    """

    x_train: Float[Tensor, "samples inputs"]
    y_train: Int64[Tensor, " samples"]
    x_test: Float[Tensor, "tests inputs"]
    y_test: Int64[Tensor, " tests"]
    shape: tuple[int, ...]
    name: str
    source: Mapping[str, Any]

    def __init__(
        self,
        x_train: Array,
        y_train: Array,
        x_test: Array,
        y_test: Array,
        name: str = "custom",
        source: Mapping[str, Any] | None = None,
    ) -> None:
        check_type("name", name, str, "a text is needed")
        try:
            source = json.loads(json.dumps({**(source or {})}, allow_nan=False))
        except (TypeError, ValueError):
            raise RequestError("source", source, "names with JSON values are needed") from None
        shapes = []
        for part, inputs, labels in (("train", x_train, y_train), ("test", x_test, y_test)):
            x = _as_tensor(f"x_{part}", inputs, torch.float32)
            y = _as_tensor(f"y_{part}", labels, torch.int64)
            _check_split(part, x, y)
            shapes.append(tuple(x.shape[1:]))
            vars(self).update({f"x_{part}": x.flatten(1), f"y_{part}": y})
        vars(self).update(shape=shapes[0], name=name, source=source)
        if shapes[0] != shapes[1]:
            vectors = len(shapes[0]) == len(shapes[1]) == 1
            found = tuple(shape[0] for shape in shapes) if vectors else shapes
            raise RequestError("x_train, x_test", found, "both need the same number of inputs")
        there = self.y_train.unique().tolist()
        if len(there) < 2:
            raise RequestError("y_train", there, "both classes, 0 and 1, must occur")
        if there != list(range(len(there))) or int(self.y_test.max()) >= len(there):
            found = sorted({*there, *self.y_test.unique().tolist()})
            raise RequestError("y_train", found, f"all labels from 0 to {max(found)} must occur")
        if bool((self.x_train == self.x_train[0]).all()):
            raise RequestError(
                "x_train", "the same vector for every sample", "inputs that differ between samples are needed"
            )

    def __repr__(self) -> str:
        shape, of = " x ".join(map(str, self.shape)), f"{self.samples:,} samples of {self.outputs} classes"
        return f"<Task {self.name}: {of}, {len(self.x_test):,} to test, inputs {shape}>"

    @property
    def arrays(self) -> dict[str, Tensor]:
        """All of its tensors by name."""
        return {name: getattr(self, name) for name in ARRAYS}

    @property
    def samples(self) -> int:
        """N, the number of training samples."""
        return len(self.x_train)

    @property
    def inputs(self) -> int:
        """D, the number of inputs."""
        return self.x_train.shape[1]

    @property
    def outputs(self) -> int:
        """C, the number of classes."""
        return int(self.y_train.max()) + 1

    @property
    def signs(self) -> Float[Tensor, " samples"]:
        """`y_s` of the training samples: +1 for label 0, -1 for label 1 (paper, section 3.2).

        Raises `RequestError` where there are more than two classes.
        """
        if self.outputs != 2:
            raise RequestError("task", f"{self.outputs} classes", "signs are of two classes")
        return 1.0 - 2.0 * self.y_train.to(torch.float32)

    def clone(self) -> "Task":
        """The same task in memory of its own; what was checked once is not checked again."""
        return self._with()

    def permuted(self, order: Int64[Tensor, " samples"]) -> "Task":
        """The same task with its training labels in this order, the samples in their own."""
        return self._with(y_train=self.y_train[order])

    def only(self, samples: Int64[Tensor, " kept"]) -> "Task":
        """The same task with these training samples alone; every class must be among them."""
        return self._with(x_train=self.x_train[samples], y_train=self.y_train[samples])

    def _with(self, **arrays: Tensor) -> "Task":
        """A clone with other `arrays`."""
        copy = object.__new__(Task)
        vars(copy).update({name: array.clone() for name, array in self.arrays.items()} | arrays)
        vars(copy).update(shape=self.shape, name=self.name, source=self.source)
        return copy

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the arrays: equal exactly when the data are."""
        digest = hashlib.sha256()
        for array in self.arrays.values():
            digest.update(repr((tuple(array.shape), str(array.dtype))).encode())
            digest.update(array.contiguous().numpy().tobytes())
        return digest.hexdigest()


def _as_tensor(option: str, value: object, dtype: torch.dtype) -> Tensor:
    if isinstance(value, Tensor):
        if value.layout != torch.strided:
            raise RequestError(option, str(value.layout), "a dense tensor is needed")
        if value.is_complex():
            raise RequestError(option, str(value.dtype), "real numbers are needed")
        tensor = value.detach()
    else:
        try:
            array = np.asarray(value)
        except ValueError as error:
            raise RequestError(option, value, "an array whose rows have one length is needed") from error
        if array.dtype.kind not in "biuf":
            raise RequestError(option, str(array.dtype), "numbers are needed")
        # A copy in this machine's byte order, which is the only one that torch knows.
        tensor = torch.from_numpy(array.astype(array.dtype.newbyteorder("="), order="C"))
    if dtype == torch.int64 and tensor.is_floating_point() and bool((tensor != tensor.round()).any()):
        raise RequestError(option, str(tensor.dtype), "whole-number labels are needed")
    # A caller's tensor may change later. What NumPy gave is a copy already.
    return tensor.to("cpu", dtype, copy=isinstance(value, Tensor))


def _check_split(part: str, x: Tensor, y: Tensor) -> None:
    if x.ndim < 2 or 0 in x.shape:
        accepted = "a non-empty (samples, inputs) or (samples, channels, height, width) array is needed"
        raise RequestError(f"x_{part}", tuple(x.shape), accepted)
    if y.shape != x.shape[:1]:
        raise RequestError(f"y_{part}", tuple(y.shape), f"one label per sample is needed: ({len(x)},)")
    if not bool(torch.isfinite(x).all()):
        raise RequestError(f"x_{part}", "NaN or infinite numbers", "finite inputs are needed")
    if int(y.min()) < 0:
        raise RequestError(f"y_{part}", y.unique().tolist(), "labels from 0 up are needed")
