"""Small data sets whose samples can be told apart: the first input of every sample is its own number."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

Arrays = dict[str, np.ndarray]


@pytest.fixture
def arrays() -> Arrays:
    """Four classes of 12 training and 5 test samples, in mixed order; inputs from 0 to 1000."""
    draw = np.random.default_rng(1)
    y_train, y_test = draw.permutation(np.arange(48) % 4), draw.permutation(np.arange(20) % 4)
    x_train, x_test = draw.uniform(0, 1000, (48, 6)), draw.uniform(0, 1000, (20, 6))
    x_train[:, 0], x_test[:, 0] = np.arange(48), np.arange(100, 120)
    x_train[0, 1], x_train[1, 1] = 0.0, 1000.0
    names = np.array(["airplane", "automobile", "bird", "cat"])
    return {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test, "class_names": names}


@pytest.fixture
def npz_of(tmp_path: Path) -> Callable[..., Path]:
    """Writes an .npz file; an array given as None is left out."""

    def write(arrays: Arrays, name: str = "own.npz", **changes: Any) -> Path:
        contents = {key: value for key, value in (arrays | changes).items() if value is not None}
        np.savez(tmp_path / name, **contents)
        return tmp_path / name

    return write


@pytest.fixture
def npz(arrays: Arrays, npz_of: Callable[..., Path]) -> Path:
    return npz_of(arrays)
