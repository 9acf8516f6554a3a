import json
from typing import Any

import numpy as np
import pytest
import torch

import prunebench as pb
from prunebench.tasks.task import _as_tensor

X, Y = np.arange(12.0).reshape(6, 2), np.array([0, 1, 0, 1, 1, 1])


def test_arrays_become_float_and_long_tensors() -> None:
    task = pb.Task(X, Y, X.astype(np.uint8), Y.astype(float), name="mine")
    assert (task.x_train.dtype, task.x_test.dtype) == (torch.float32, torch.float32)
    assert (task.y_train.dtype, task.y_test.dtype) == (torch.int64, torch.int64)
    assert (task.samples, task.inputs, task.outputs) == (6, 2, 2)
    assert task.signs.tolist() == [1, -1, 1, -1, -1, -1]
    assert json.dumps(task.source) == "{}"


def test_byte_order_and_read_only_arrays_do_not_matter() -> None:
    foreign = X.astype(">f8")
    foreign.flags.writeable = False
    task = pb.Task(foreign, Y, foreign, Y)
    assert task.fingerprint == pb.Task(X, Y, X, Y).fingerprint


def test_later_changes_of_an_array_do_not_reach_the_task() -> None:
    x = X.astype(np.float32)
    task = pb.Task(x, Y, x, Y)
    x += 1
    assert task.fingerprint == pb.Task(X, Y, X, Y).fingerprint


def test_later_changes_of_a_tensor_do_not_reach_the_task() -> None:
    x, y = torch.tensor(X, dtype=torch.float32), torch.tensor(Y)
    task = pb.Task(x, y, x, y)
    x += 1
    y[:2] = 1 - y[:2]
    assert task.fingerprint == pb.Task(X, Y, X, Y).fingerprint


def test_fingerprint_is_of_the_data_alone() -> None:
    task = pb.Task(X, Y, X, Y)
    assert (
        task.fingerprint == pb.Task(X, Y, X, Y, "other", {"seed": 3}).fingerprint == task.clone().fingerprint
    )
    assert task.fingerprint != pb.Task(X + 1, Y, X, Y).fingerprint
    assert task.fingerprint != pb.Task(X, 1 - Y, X, Y).fingerprint
    assert task.fingerprint != pb.Task(X, Y, X[:4], Y[:4]).fingerprint


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x_train": X[0]}, r"x_train.*\(samples, inputs\)"),
        ({"x_test": X[:0], "y_test": Y[:0]}, r"x_test.*non-empty"),
        ({"x_test": X[:, :1]}, "same number of inputs"),
        ({"y_train": Y[:5]}, "y_train.*one label per sample"),
        ({"y_train": Y + 1}, "y_train.*all labels from 0 to 2 must occur"),
        ({"y_train": Y - 1}, "y_train.*labels from 0 up"),
        ({"y_test": Y + 1}, r"y_train: got \[0, 1, 2\]; all labels from 0 to 2 must occur"),
        ({"y_train": Y * 0}, "y_train.*both classes"),
        ({"y_train": Y + 0.5}, "y_train.*whole-number"),
        ({"x_train": np.where(X == 3, np.nan, X)}, "x_train.*NaN"),
        ({"x_test": np.where(X == 3, np.inf, X)}, "x_test.*finite"),
        ({"x_train": np.ones((6, 2))}, "x_train.*differ between samples"),
        ({"x_train": X.astype(str)}, "x_train.*numbers"),
        ({"x_train": torch.tensor(X + 1j)}, "x_train.*complex128.*real numbers"),
        ({"y_test": torch.tensor(Y + 0j)}, "y_test.*complex128.*real numbers"),
        ({"x_train": torch.tensor(X).to_sparse()}, r"x_train.*sparse_coo.*a dense tensor"),
    ],
)
def test_bad_data(change: dict[str, Any], message: str) -> None:
    with pytest.raises(pb.RequestError, match=message):
        pb.Task(**({"x_train": X, "y_train": Y, "x_test": X, "y_test": Y} | change))


def test_ragged_lists_are_refused() -> None:
    with pytest.raises(pb.RequestError, match=r"x_test: got .*3\.0.*; .*rows have one length"):
        _as_tensor("x_test", [[1.0, 2.0], [3.0]], torch.float32)
