import io
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import prunebench as pb
from prunebench.tasks.labelled import inputs
from prunebench.tasks.npz import read_npz

Arrays = dict[str, np.ndarray]
Write = Callable[..., Path]


def test_reads_what_was_written(npz: Path, arrays: Arrays) -> None:
    data = read_npz(npz)
    for name in ("x_train", "y_train", "x_test", "y_test"):
        np.testing.assert_array_equal(getattr(data, name), arrays[name])
    assert data.names == {0: "airplane", 1: "automobile", 2: "bird", 3: "cat"}
    assert (data.low, data.high) == (0, 1000)


def test_without_names_the_classes_are_the_labels(arrays: Arrays, npz_of: Write) -> None:
    data = read_npz(npz_of(arrays, class_names=None, y_train=arrays["y_train"] * 10))
    assert data.names == {number: str(number) for number in (0, 1, 2, 3, 10, 20, 30)}


def test_compression_does_not_change_the_hash(npz: Path, arrays: Arrays, tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "small.npz", **arrays)
    assert read_npz(npz).hash == read_npz(tmp_path / "small.npz").hash


def test_colour_bytes_become_gray_as_pil_does() -> None:
    draw = np.random.default_rng(0)
    colour = draw.integers(0, 256, (40, 32, 32, 3), dtype=np.uint8)
    colour[0, 0, :2] = ((255, 255, 255), (0, 0, 0))
    expected = [np.asarray(Image.fromarray(image).convert("L"))[None] for image in colour]
    np.testing.assert_array_equal(inputs(colour, False), expected)
    luma = (colour.astype(np.int64) @ [19595, 38470, 7471] + 0x8000) >> 16  # weights times 2^16
    np.testing.assert_array_equal(inputs(colour, False), luma[:, None])


def test_colour_fractions_become_gray_by_the_same_weights() -> None:
    colour = np.random.default_rng(0).uniform(0, 1, (4, 2, 5, 3))
    expected = (colour * [0.299, 0.587, 0.114]).sum(axis=-1)[:, None]
    np.testing.assert_allclose(inputs(colour, False), expected)


def test_half_precision_becomes_gray_in_full() -> None:
    colour = np.random.default_rng(0).uniform(0, 1, (4, 2, 5, 3)).astype(np.float16)
    np.testing.assert_array_equal(inputs(colour, False), inputs(colour.astype(np.float64), False))


@pytest.mark.parametrize("channels", [1, 3])
def test_channels_may_come_first_or_last(channels: int, arrays: Arrays, npz_of: Write) -> None:
    draw = np.random.default_rng(0)
    last = {f"x_{part}": draw.uniform(0, 1, (n, 5, 4, channels)) for part, n in (("train", 48), ("test", 20))}
    first = {name: np.moveaxis(x, 3, 1) for name, x in last.items()}
    by_last, by_first = read_npz(npz_of(arrays, **last)), read_npz(npz_of(arrays, **first))
    assert inputs(by_last.x_train, False).shape == (48, 1, 5, 4)
    np.testing.assert_array_equal(inputs(by_last.x_train, False), inputs(by_first.x_train, False))
    np.testing.assert_array_equal(inputs(by_last.x_test, False), inputs(by_first.x_test, False))


def test_images_are_flattened_row_after_row(arrays: Arrays, npz_of: Write) -> None:
    image = np.arange(48 * 6.0).reshape(48, 2, 3)
    data = read_npz(npz_of(arrays, x_train=image, x_test=image[:20]))
    np.testing.assert_array_equal(inputs(data.x_train, False).reshape(48, 6), image.reshape(48, 6))


def with_value(x: np.ndarray, value: float) -> np.ndarray:
    x = x.copy()
    x[1, 2] = value
    return x


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: {"x_train": None}, "lacks x_train"),
        (lambda a: {"x_test": None, "y_test": None}, "lacks x_test, y_test"),
        (lambda a: {"x_train": with_value(a["x_train"], np.nan)}, "x_train.*NaN"),
        (lambda a: {"x_test": with_value(a["x_test"], np.inf)}, "x_test.*infinite"),
        (lambda a: {"x_train": np.where(a["x_train"] > 500, 1.7e308, -1.7e308)}, "x_train.*finite"),
        (lambda a: {"x_train": np.full((48, 6), 0.5)}, "x_train.*0.5 everywhere.*differ"),
        (lambda a: {"x_train": a["x_train"][:40]}, r"y_train.*\(48,\).*one label per sample.*\(40,\)"),
        (lambda a: {"y_test": a["y_test"][:, None]}, r"y_test.*\(20, 1\).*one label per sample"),
        (lambda a: {"x_train": a["x_train"][0]}, r"x_train.*\(6,\).*vectors \(N, D\)"),
        (lambda a: {"x_train": np.zeros((48, 2, 2, 2))}, r"x_train.*images"),
        (lambda a: {"x_train": np.zeros((48, 0))}, r"x_train.*images"),
        (lambda a: {"x_train": np.float64(3)}, r"x_train.*images"),
        (lambda a: {"x_test": a["x_test"][:, :5]}, "one shape"),
        (lambda a: {"x_train": a["x_train"].astype(np.uint8)}, "x_test.*uint8.*float64.*both or neither"),
        (lambda a: {"x_test": a["x_test"].astype(np.uint8)}, "x_test.*float64.*uint8.*both or neither"),
        (lambda a: {"x_train": a["x_train"].astype(str)}, "x_train.*numbers are needed"),
        (lambda a: {"x_train": a["x_train"] * 1j}, "x_train.*numbers are needed"),
        (lambda a: {"y_train": a["y_train"] + 0.5}, "y_train.*whole-number"),
        (lambda a: {"y_train": a["y_train"] - 1}, "y_train.*-1.*labels from 0"),
        (lambda a: {"y_train": a["y_train"].astype(np.uint64) + 2**63}, "y_train.*labels from 0"),
        (lambda a: {"class_names": a["class_names"][:3]}, "class_names.*3 names.*class 3"),
        (lambda a: {"class_names": np.array(["a", "b", "a", "c"])}, "class_names.*name of its own"),
        (lambda a: {"class_names": np.arange(4)}, "class_names.*strings"),
        (lambda a: {"class_names": np.array("cat")}, "class_names.*strings"),
    ],
)
def test_wrong_contents(
    change: Callable[[Arrays], dict[str, Any]], message: str, arrays: Arrays, npz_of: Write
) -> None:
    with pytest.raises(pb.RequestError, match=message):
        read_npz(npz_of(arrays, **change(arrays)))


class Bomb:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return Path.touch, (self.mark,)


@pytest.mark.parametrize("name", ["x_train", "class_names"])
def test_pickled_arrays_are_never_loaded(name: str, arrays: Arrays, npz_of: Write, tmp_path: Path) -> None:
    path = npz_of(arrays, **{name: np.array([Bomb(tmp_path / "exploded")], dtype=object)})
    with pytest.raises(pb.RequestError, match="pickled objects, which are never loaded"):
        read_npz(path)
    assert not (tmp_path / "exploded").exists()


def test_pickle_files_are_never_loaded(tmp_path: Path) -> None:
    path = tmp_path / "data.npz"
    path.write_bytes(pickle.dumps(Bomb(tmp_path / "exploded")))
    with pytest.raises(pb.RequestError, match=r"no \.npz file \(pickles are never loaded\)"):
        read_npz(path)
    assert not (tmp_path / "exploded").exists()


@pytest.mark.parametrize("contents", [b"", b"not a zip file", b"PK\x03\x04", b"\x93NUMPY"])
def test_other_files(contents: bytes, tmp_path: Path) -> None:
    (tmp_path / "data.npz").write_bytes(contents)
    with pytest.raises(pb.RequestError, match=r"damaged, cut off or no \.npz file"):
        read_npz(tmp_path / "data.npz")


def test_a_single_array(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    np.save(buffer, np.arange(3))
    (tmp_path / "data.npz").write_bytes(buffer.getvalue())
    with pytest.raises(pb.RequestError, match="single array"):
        read_npz(tmp_path / "data.npz")


def test_a_member_that_is_no_array(npz: Path, arrays: Arrays, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "data.npz", "w") as file:
        file.writestr("x_train.npy", b"no array at all")
    with pytest.raises(pb.RequestError, match="damaged"):
        read_npz(tmp_path / "data.npz")


def test_a_header_that_ends_in_its_middle(arrays: Arrays, tmp_path: Path) -> None:
    half = b"{'descr': '<f4', 'fortran_order': False, 'shape': (".ljust(117) + b"\n"
    with zipfile.ZipFile(tmp_path / "data.npz", "w") as file:
        file.writestr("x_train.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(half)) + half)
    with pytest.raises(pb.RequestError, match="damaged"):
        read_npz(tmp_path / "data.npz")


def test_truncated_anywhere(arrays: Arrays, tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "whole.npz", **arrays)
    contents = (tmp_path / "whole.npz").read_bytes()
    for length in range(0, len(contents), 97):
        (tmp_path / "cut.npz").write_bytes(contents[:length])
        with pytest.raises(pb.RequestError, match="damaged"):
            read_npz(tmp_path / "cut.npz")


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.filterwarnings("ignore::UserWarning")  # NumPy's and zipfile's own remarks on odd headers
def test_altered_anywhere(save: Callable[..., None], arrays: Arrays, tmp_path: Path) -> None:
    """A flipped bit either does not matter or is refused in one line; nothing else is ever raised."""
    save(tmp_path / "whole.npz", **arrays)
    contents, draw, messages = (tmp_path / "whole.npz").read_bytes(), np.random.default_rng(0), []
    for place in draw.integers(0, len(contents), 300):
        altered = bytearray(contents)
        altered[place] ^= 1 << int(draw.integers(8))
        (tmp_path / "altered.npz").write_bytes(altered)
        try:
            read_npz(tmp_path / "altered.npz")
        except pb.RequestError as error:
            messages.append(str(error))
    assert len(messages) > 150
    assert not any("\n" in message for message in messages)
