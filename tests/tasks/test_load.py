import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import prunebench as pb
from prunebench.tasks.load import load_task


def numbers(x: torch.Tensor) -> list[int]:
    """The samples' own numbers, which `unit` scaling has divided by 1000."""
    return (x[:, 0].double() * 1000).round().to(torch.int64).tolist()


def test_labels_are_the_sides(npz: Path, arrays: dict[str, np.ndarray]) -> None:
    task = load_task(npz, samples=20, scaling="unit")
    side = {0: 0, 3: 0, 1: 1, 2: 1}
    assert task.y_train.tolist() == [side[int(arrays["y_train"][k])] for k in numbers(task.x_train)]
    assert task.y_test.tolist() == [side[int(arrays["y_test"][k - 100])] for k in numbers(task.x_test)]
    assert (task.samples, task.inputs, task.name) == (20, 6, "own")


def test_so_many_samples_are_drawn_as_on_the_command_line() -> None:
    """Digits have not the 800 of the others."""
    assert load_task("digits").samples == 400


def test_class_numbers_may_be_of_any_size(arrays: dict[str, np.ndarray], npz_of: Callable[..., Path]) -> None:
    small = load_task(npz_of(arrays), samples=20, classes="0,3/1/2")
    of = np.array([7, 10**13, 2**62, 2**63 - 1])
    large = {part: of[arrays[part]] for part in ("y_train", "y_test")}
    path = npz_of(arrays, "large.npz", class_names=None, **large)
    task = load_task(path, samples=20, classes=((7, 2**63 - 1), (10**13,), (2**62,)))
    assert task.fingerprint == small.fingerprint


def test_inputs_are_those_of_the_sample(npz: Path, arrays: dict[str, np.ndarray]) -> None:
    task = load_task(npz, samples=20, scaling="unit")
    np.testing.assert_allclose(
        task.x_train.numpy(), arrays["x_train"][numbers(task.x_train)] / 1000, rtol=1e-6
    )


def test_all_test_samples_of_the_classes_and_no_other_are_kept(npz: Path) -> None:
    assert sorted(numbers(load_task(npz, samples=8, scaling="unit").x_test)) == list(range(100, 120))
    assert len(load_task(npz, samples=8, classes=((0,), (2,))).x_test) == 10


def test_training_and_test_samples_are_disjoint(npz: Path) -> None:
    task = load_task(npz, samples=48, scaling="unit")
    assert sorted(numbers(task.x_train)) == list(range(48))
    assert not set(numbers(task.x_train)) & set(numbers(task.x_test))


def test_seed_decides_the_draw(npz: Path) -> None:
    first, same, other = (load_task(npz, samples=20, seed=seed, scaling="unit") for seed in (4, 4, 5))
    assert torch.equal(first.x_train, same.x_train)
    assert first.fingerprint == same.fingerprint != other.fingerprint
    assert set(numbers(first.x_train)) != set(numbers(other.x_train))
    assert torch.equal(first.x_test, other.x_test)


def test_names_numbers_and_text_choose_the_same_classes(npz: Path) -> None:
    given: list[Any] = [
        ((0, 3), (1, 2)),
        [[3, 0], [2, 1]],
        "0,3/1,2",
        "Airplane,cat/automobile,bird",
        [["0", "cat"], [1, "2"]],
    ]
    tasks = [load_task(npz, samples=20, classes=classes) for classes in given]
    assert len({task.fingerprint for task in tasks}) == 1
    assert all(task.source == tasks[0].source for task in tasks)


def test_source_says_what_was_drawn_but_not_where_the_file_lies(npz: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    copy = shutil.copy(npz, tmp_path / "elsewhere")
    source = load_task(npz, samples=20, seed=7, classes="cat/bird,0", scaling="unit").source
    assert json.loads(json.dumps(source)) == source
    digest = source["data_sha256"]
    assert len(digest) == 64
    assert source == {
        "dataset": "own.npz",
        "data_sha256": digest,
        "classes": [[3], [0, 2]],
        "class_names": [["cat"], ["airplane", "bird"]],
        "samples": 20,
        "seed": 7,
        "scaling": "unit",
    }
    assert load_task(copy, samples=20, seed=7, classes="cat/bird,0", scaling="unit").source == source
    assert load_task(str(copy), samples=20, seed=8, classes="cat/bird,0").source["data_sha256"] == digest


@pytest.mark.parametrize("name", ["x_train", "y_train", "x_test"])
def test_data_hash_follows_the_data(
    name: str, arrays: dict[str, np.ndarray], npz_of: Callable[..., Path]
) -> None:
    before = load_task(npz_of(arrays), samples=8).source["data_sha256"]
    changed = arrays[name].copy()
    changed[[2, 3]] = changed[[3, 2]] if name != "y_train" else (changed[[2, 3]] + 1) % 4
    after = load_task(npz_of(arrays, **{name: changed}), samples=8).source["data_sha256"]
    assert before != after


def test_data_hash_follows_the_range_that_other_classes_stretch(
    arrays: dict[str, np.ndarray], npz_of: Callable[..., Path]
) -> None:
    before = load_task(npz_of(arrays), classes="0/1", samples=8).source["data_sha256"]
    x_train = arrays["x_train"].copy()
    x_train[np.flatnonzero(arrays["y_train"] == 3)[0], 1] = 5000
    after = load_task(npz_of(arrays, x_train=x_train), classes="0/1", samples=8).source["data_sha256"]
    assert before != after


def test_tasks_can_be_pickled_for_other_processes(npz: Path) -> None:
    task = load_task(npz, samples=8)
    assert pickle.loads(pickle.dumps(task)).source == task.source


@pytest.mark.parametrize(
    ("request_", "option", "message"),
    [
        ({"dataset": "mnist5"}, "dataset", "did you mean 'mnist5k'"),
        ({"dataset": "gone.npz"}, "dataset", "no such file or folder"),
        ({"dataset": "some/where"}, "dataset", "no such file or folder"),
        ({"dataset": ""}, "dataset", "got ''; there is no such file or folder"),
        ({"dataset": Path("digits")}, "dataset", "no such file or folder"),
        ({"dataset": "x" * 5000}, "dataset", "mnist5k"),
        ({"dataset": "a\0b"}, "dataset", "mnist5k"),
        ({"scaling": "symetric"}, "scaling", "did you mean 'symmetric'? one of symmetric, unit"),
        ({"samples": 49}, "samples", "class 0 (airplane) has 12 training samples, 13 are needed; 48"),
        ({"samples": 10**30}, "samples", "48 samples can be drawn"),
        ({"samples": 3}, "samples", "a whole number from 4"),
        ({"samples": 0}, "samples", "a whole number from 4"),
        ({"samples": -800}, "samples", "a whole number from 4"),
        ({"samples": True}, "samples", "a whole number from 4"),
        ({"seed": -1}, "seed", "a whole number from 0"),
        ({"classes": ((0, 3), (1, 9))}, "classes", "classes: 0 (airplane), 1 (automobile), 2 (bird)"),
        ({"classes": ((0, -1), (1,))}, "classes", "classes: 0 (airplane)"),
        ({"classes": "0,dog/1"}, "classes", "classes: airplane, automobile, bird, cat"),
        ({"classes": "0,autmobile/1"}, "classes", "did you mean 'automobile'?"),
        ({"classes": "0/airplane"}, "classes", "chosen once, not so: 0 (airplane)"),
        ({"classes": ((0, 0), (1,))}, "classes", "chosen once"),
        ({"classes": ((0, 3), ())}, "classes", "two sides"),
        ({"classes": ((0,),)}, "classes", "two sides"),
    ],
)
def test_bad_requests(
    request_: dict[str, Any], option: str, message: str, npz: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(npz.parent)
    with pytest.raises(pb.RequestError) as caught:
        load_task(**({"dataset": npz, "samples": 20} | request_))
    assert caught.value.option == option
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_class_without_test_samples_is_an_error(
    arrays: dict[str, np.ndarray], npz_of: Callable[..., Path]
) -> None:
    kept = arrays["y_test"] != 3
    path = npz_of(arrays, x_test=arrays["x_test"][kept], y_test=arrays["y_test"][kept])
    with pytest.raises(pb.RequestError, match=r"3 \(cat\).*no test samples"):
        load_task(path, samples=8)


def test_a_named_class_without_samples_is_an_error(
    arrays: dict[str, np.ndarray], npz_of: Callable[..., Path]
) -> None:
    kept = arrays["y_train"] != 3
    path = npz_of(arrays, x_train=arrays["x_train"][kept], y_train=arrays["y_train"][kept])
    with pytest.raises(pb.RequestError, match=r"class 3 \(cat\) has 0 training samples, 2 are needed"):
        load_task(path, samples=8)


def test_constant_pixels_are_an_error(arrays: dict[str, np.ndarray], npz_of: Callable[..., Path]) -> None:
    same = {"x_train": np.full((48, 6), 7, np.uint8), "x_test": np.full((20, 6), 7, np.uint8)}
    with pytest.raises(pb.RequestError, match=r"x_train.*inputs that differ"):
        load_task(npz_of(arrays, **same), samples=8)


def test_reference_images(cifar: Path) -> None:
    task = load_task(cifar)
    assert task.x_train.shape == (800, 1024)
    assert task.x_test.shape == (4000, 1024)
    assert (task.x_train.min(), task.x_train.max()) == (-1, 1)
    assert task.y_train.bincount().tolist() == [400, 400]
    assert task.source["class_names"] == [["airplane", "cat"], ["automobile", "bird"]]
    with np.load(cifar, allow_pickle=False) as data:
        test = data["x_test"].reshape(4000, -1)
        np.testing.assert_allclose(task.x_test.numpy(), test / 127.5 - 1, atol=1e-6)
        assert task.y_test.tolist() == np.isin(data["y_test"], (1, 2)).astype(int).tolist()
