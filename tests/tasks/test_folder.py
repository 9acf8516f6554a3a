import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import prunebench as pb
from prunebench.tasks.folder import read_folder
from prunebench.tasks.load import load_task

COUNTS = {"train": 6, "test": 2}


def save(path: Path, gray: int, mode: str = "L", size: tuple[int, int] = (4, 3)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.new("L", size, gray)
    image.putpixel((1, 0), 255)
    image.convert(mode).save(path)


def tree(root: Path, names: tuple[str, ...]) -> Path:
    """Flat images whose gray is their class's place, their part and their number."""
    for part, count in COUNTS.items():
        for place, name in enumerate(names):
            for number in range(count):
                save(root / part / name / f"{number}.png", 20 * place + 10 * (part == "test") + number)
    return root


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    return tree(tmp_path / "pets", ("cat", "dog", "ant", "bee"))


def test_classes_are_numbered_by_name(pets: Path) -> None:
    data = read_folder(pets, "ant/cat,dog")
    assert data.names == {0: "ant", 1: "bee", 2: "cat", 3: "dog"}
    assert data.x_train.shape == (18, 3, 4)
    assert data.y_train.tolist() == [0] * 6 + [2] * 6 + [3] * 6
    assert data.x_train[:, 2, 3].tolist() == [40 + n for n in range(6)] + [0 + n for n in range(6)] + [
        20 + n for n in range(6)
    ]
    assert data.x_test[:, 2, 3].tolist() == [50, 51, 10, 11, 30, 31]
    assert (data.x_train[:, 0, 1] == 255).all()


def test_task(pets: Path) -> None:
    task = load_task(pets, classes="ant/cat,dog", samples=8, scaling="unit")
    assert (task.name, task.samples, task.inputs, len(task.x_test)) == ("pets", 8, 12, 6)
    grays = (task.x_train[:, 11] * 255).round().to(torch.int64).tolist()
    assert [0 if gray >= 40 else 1 for gray in grays] == task.y_train.tolist()
    assert json.loads(json.dumps(task.source))["dataset"] == "pets"
    assert str(pets.parent) not in json.dumps(task.source)


def test_folders_named_by_numbers_keep_them(tmp_path: Path) -> None:
    data = read_folder(tree(tmp_path, ("10", "2", "1")), "1/10")
    assert data.names == {1: "1", 2: "2", 10: "10"}
    assert data.x_test[:, 2, 3].tolist() == [50, 51, 10, 11]


@pytest.mark.parametrize(
    ("first", "second", "numbers"),
    [
        ("20240101123456", "20240101123457", (20240101123456, 20240101123457)),
        ("1", str(2**63 - 1), (1, 2**63 - 1)),
        ("1", str(2**63), (0, 1)),
    ],
)
def test_long_numbers_are_numbers_as_far_as_they_fit(
    first: str, second: str, numbers: tuple[int, int], tmp_path: Path
) -> None:
    root = tree(tmp_path, (first, second))
    assert read_folder(root, "all").names == dict(zip(numbers, (first, second), strict=True))
    task = load_task(root, classes=((second,), (first,)), samples=8, scaling="unit")
    assert (task.x_test[:, 11] * 255).round().to(torch.int64).tolist() == [10, 11, 30, 31]
    assert task.y_test.tolist() == [1, 1, 0, 0]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK"])
def test_modes_become_gray(mode: str, pets: Path) -> None:
    path = pets / "train" / "ant" / ("0.tif" if mode == "CMYK" else "0.png")
    (pets / "train" / "ant" / "0.png").unlink()
    save(path, 255, mode)
    assert (read_folder(pets, "ant/cat").x_train[0] == 255).all()


def test_colour_is_luma(pets: Path) -> None:
    Image.new("RGB", (4, 3), (200, 10, 90)).save(pets / "train" / "ant" / "0.png")
    expected = round(0.299 * 200 + 0.587 * 10 + 0.114 * 90)
    assert (read_folder(pets, "ant/cat").x_train[0] == expected).all()


def test_transparent_palettes_are_gray_without_a_warning(pets: Path) -> None:
    image = Image.new("P", (4, 3), 1)
    image.putpalette([0, 0, 0, 200, 10, 90])
    image.save(pets / "train" / "ant" / "0.png", transparency=b"\x00\x80")
    expected = round(0.299 * 200 + 0.587 * 10 + 0.114 * 90)
    assert (read_folder(pets, "ant/cat").x_train[0] == expected).all()


def test_hidden_files_and_other_classes_do_not_matter(pets: Path) -> None:
    before = load_task(pets, classes="ant/cat", samples=8).source
    for part in COUNTS:
        (pets / part / ".DS_Store").write_bytes(b"x")
        (pets / part / "ant" / ".hidden.png").write_bytes(b"x")
        (pets / part / "readme.txt").write_bytes(b"x")
    (pets / "train" / "dog" / "0.png").write_bytes(b"x")
    assert load_task(pets, classes="ant/cat", samples=8).source == before


def refuse(root: Path, message: str, samples: int = 8) -> None:
    with pytest.raises(pb.RequestError, match=message):
        load_task(root, classes="ant/cat", samples=samples)


def test_missing_folders(tmp_path: Path) -> None:
    refuse(tmp_path, "no folder 'train'.*train/<class> and test/<class>")
    (tmp_path / "train").mkdir()
    refuse(tmp_path, "no folder 'test'")
    (tmp_path / "test").mkdir()
    refuse(tmp_path, "a folder of images for each class")


def test_unknown_class(pets: Path) -> None:
    with pytest.raises(pb.RequestError, match="classes: ant, bee, cat, dog"):
        load_task(pets, classes="ant/cow", samples=8)
    with pytest.raises(pb.RequestError, match=r"classes: 0 \(ant\), 1 \(bee\)"):
        load_task(pets, classes="0/4", samples=8)


def test_too_few_images(pets: Path) -> None:
    refuse(pets, r"class 0 \(ant\) has 6 training samples, 7 are needed; 12 samples can be drawn", samples=14)


def test_no_test_images(pets: Path) -> None:
    for path in (pets / "test" / "ant").iterdir():
        path.unlink()
    refuse(pets, r"0 \(ant\).*no test samples")
    (pets / "test" / "ant").rmdir()
    refuse(pets, r"0 \(ant\).*no test samples")


@pytest.mark.parametrize("part", ["train", "test"])
def test_sizes_that_differ(part: str, pets: Path) -> None:
    save(pets / part / "cat" / "1.png", 5, size=(3, 4))
    refuse(pets, rf"{part}/cat/1\.png.*it is 3 x 4, the first image 4 x 3; all need one size")


def test_deeper_images_are_refused_rather_than_cut_off(pets: Path) -> None:
    Image.fromarray(np.full((3, 4), 30_000, np.uint16)).save(pets / "train" / "cat" / "1.png")
    refuse(pets, r"1\.png.*8 bits per channel")


def test_files_that_are_no_images(pets: Path) -> None:
    path = pets / "train" / "cat" / "1.png"
    whole = path.read_bytes()
    for contents in (b"", b"text", whole[: len(whole) // 2]):
        path.write_bytes(contents)
        refuse(pets, r"1\.png.*cannot be read")
