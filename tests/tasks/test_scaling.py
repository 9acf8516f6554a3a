from collections.abc import Callable
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from prunebench.tasks.load import load_task
from prunebench.tasks.scaling import scale
from prunebench.tasks.spec import Scaling

DRAW = np.random.default_rng(2)
TRAIN, TEST = DRAW.uniform(-3, 5, (50, 4)), DRAW.uniform(-4, 6, (30, 4))


def test_symmetric_and_unit_take_the_range() -> None:
    unit, unit_test = scale(TRAIN, TEST, "unit", -3.0, 5.0)
    np.testing.assert_allclose(unit, (TRAIN + 3) / 8)
    np.testing.assert_allclose(unit_test, (TEST + 3) / 8)
    symmetric, symmetric_test = scale(TRAIN, TEST, "symmetric", -3.0, 5.0)
    np.testing.assert_allclose(symmetric, 2 * unit - 1)
    np.testing.assert_allclose(symmetric_test, 2 * unit_test - 1)


def test_centred_subtracts_the_training_mean_from_both() -> None:
    train, test = scale(TRAIN, TEST, "centred", -3.0, 5.0)
    np.testing.assert_allclose(train.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(train - train[0], (TRAIN - TRAIN[0]) / 8)
    np.testing.assert_allclose(test, (TEST - TRAIN.mean(axis=0)) / 8)


def test_standard_has_mean_0_and_deviation_1_over_the_training_samples() -> None:
    train, test = scale(TRAIN, TEST, "standard", -3.0, 5.0)
    np.testing.assert_allclose(train.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(train.std(axis=0), 1)
    np.testing.assert_allclose(test, (TEST - TRAIN.mean(axis=0)) / TRAIN.std(axis=0))


def test_a_constant_input_stays_0_though_its_deviation_rounds_to_more() -> None:
    train, test = TRAIN.copy(), TEST.copy()
    train[:, 1] = 0.1
    assert train.std(axis=0)[1] > 0
    train, test = scale(train, test, "standard", 0.0, 1.0)
    assert not train[:, 1].any()
    assert not test[:, 1].any()


@pytest.mark.parametrize("scaling", get_args(Scaling))
def test_nothing_of_the_test_samples_is_used(scaling: str) -> None:
    train, _ = scale(TRAIN, TEST, scaling, -3.0, 5.0)
    same, _ = scale(TRAIN, 100 * TEST, scaling, -3.0, 5.0)
    np.testing.assert_array_equal(train, same)


def test_bytes_go_from_0_to_255_whatever_they_hold(
    arrays: dict[str, np.ndarray], npz_of: Callable[..., Path]
) -> None:
    pixels = {name: (arrays[name] / 10).astype(np.uint8) for name in ("x_train", "x_test")}
    task = load_task(npz_of(arrays, **pixels), samples=48)
    drawn = np.sort(np.round((task.x_train.numpy() + 1) * 127.5), axis=None)
    np.testing.assert_array_equal(drawn, np.sort(pixels["x_train"], axis=None))


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int16, np.uint16, ">f4"])
def test_other_numbers_take_the_range_of_the_whole_training_part(
    dtype: str, arrays: dict[str, np.ndarray], npz_of: Callable[..., Path]
) -> None:
    x_train, x_test = arrays["x_train"].astype(dtype), arrays["x_test"].astype(dtype)
    x_test[0, 0] = 2000
    task = load_task(npz_of(arrays, x_train=x_train, x_test=x_test), samples=4, scaling="unit")
    np.testing.assert_allclose(task.x_test.numpy(), x_test / 1000.0, rtol=1e-6)


def test_truth_values_are_0_and_1(arrays: dict[str, np.ndarray], npz_of: Callable[..., Path]) -> None:
    bits = {name: arrays[name] > 500 for name in ("x_train", "x_test")}
    task = load_task(npz_of(arrays, **bits), samples=8)
    np.testing.assert_array_equal(task.x_test.numpy(), 2.0 * bits["x_test"] - 1)
