"""Tasks of more than two classes, and samples that have a shape."""

from pathlib import Path

import numpy as np
import pytest
import torch

import prunebench as pb
from prunebench.tasks.classes import resolve_classes


def test_every_class_may_be_a_side() -> None:
    task = pb.load_task("digits", classes="all", samples=203)
    assert (task.outputs, task.samples, task.shape) == (10, 203, (1, 8, 8))
    assert task.y_train.bincount().tolist() == [21, 21, 21] + [20] * 7
    assert sorted(task.y_test.unique().tolist()) == list(range(10))
    assert task.source["classes"] == [[number] for number in range(10)]


def test_sides_of_several_classes() -> None:
    names = {number: f"n{number}" for number in range(6)}
    assert resolve_classes("4,0/n2/1", names) == ((0, 4), (2,), (1,))
    assert resolve_classes("all", names) == tuple((number,) for number in range(6))
    task = pb.load_task("digits", classes="4,0/2/1", samples=30)
    assert task.y_train.bincount().tolist() == [10, 10, 10]


def test_of_two_sides_all_is_as_it_was() -> None:
    """The fingerprint names trained networks."""
    task = pb.load_task("digits", samples=100)
    assert task.fingerprint == "6cbc9bb8e0f123d8463ef398c7f38860c3435e6c4d33df1f2ae8bc206d51a3e6"


def test_shapes_are_kept_beside_flat_samples() -> None:
    x, y = torch.arange(48.0).reshape(4, 3, 2, 2), torch.tensor([0, 1, 2, 1])
    task = pb.Task(x, y, x, y)
    assert (task.shape, task.inputs, task.outputs) == ((3, 2, 2), 12, 3)
    assert torch.equal(task.x_train, x.flatten(1))
    assert task.clone().shape == (3, 2, 2)
    flat = pb.Task(x.flatten(1), y, x.flatten(1), y)
    assert flat.shape == (12,)
    assert flat.fingerprint == task.fingerprint  # a network that takes vectors sees the same
    with pytest.raises(pb.RequestError, match="same number of inputs"):
        pb.Task(x, y, x.flatten(1), y)
    with pytest.raises(pb.RequestError, match="signs are of two classes"):
        _ = task.signs


def test_colours_are_kept_where_asked(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    x, y = draw.integers(0, 256, (20, 4, 5, 3), dtype=np.uint8), np.arange(20) % 2
    np.savez(tmp_path / "colour.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    options = {"classes": "0/1", "samples": 20, "scaling": "unit"}
    colour = pb.load_task(tmp_path / "colour.npz", colour=True, **options)
    assert colour.shape == (3, 4, 5)
    sample = colour.x_test[7].reshape(3, 4, 5)
    np.testing.assert_allclose(sample, x[7].transpose(2, 0, 1) / 255, rtol=1e-6)
    assert pb.load_task(tmp_path / "colour.npz", **options).shape == (1, 4, 5)
    with pytest.raises(pb.RequestError, match="colour: got True; these data have none"):
        pb.load_task("digits", samples=100, colour=True)


def test_all_classes_are_those_with_samples(tmp_path: Path) -> None:
    """A file may name the classes of a larger data set, of which it has some."""
    x, y = np.random.default_rng(0).random((12, 4)), np.arange(12) % 3
    names = np.array(["ant", "bee", "cat", "dog"])
    np.savez(tmp_path / "some.npz", x_train=x, y_train=y, x_test=x, y_test=y, class_names=names)
    task = pb.load_task(str(tmp_path / "some.npz"), classes="all", samples=12)
    assert task.outputs == 3
    assert task.source["class_names"] == [["ant"], ["bee"], ["cat"]]
