"""Your own images in a folder tree: `train/<class>/*` and `test/<class>/*`."""

from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from prunebench.errors import RequestError
from prunebench.tasks.classes import Classes, resolve_classes
from prunebench.tasks.labelled import LabelledData

# Modes of PIL that hold 8 bits per channel; `convert("L")` would cut off the values of deeper ones.
_BYTE_MODES = ("1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr")


def read_folder(root: Path, classes: Classes) -> LabelledData:
    """The images of the chosen classes, in gray, in the order of their file names.

    Folders named by whole numbers (below 2^63) have these class numbers; otherwise classes are numbered from
    0 in alphabetical order of the training folders. Files whose name starts with a dot are left out.

    Raises `RequestError` for a missing folder, a file that is no image of 8 bits per channel, and images that
    differ in size.
    """
    numbers = _class_numbers(root)
    names = {number: name for name, number in numbers.items()}
    chosen = sorted(number for side in resolve_classes(classes, names) for number in side)
    parts: dict[str, np.ndarray] = {}
    size: tuple[int, int] | None = None
    for part in ("train", "test"):
        images: list[np.ndarray] = []
        labels: list[int] = []
        for number in chosen:
            for path in _files(root / part / names[number]):
                image = _gray(path)
                size = size or image.shape
                if image.shape != size:
                    raise RequestError("dataset", str(path), _sizes(image.shape, size))
                images.append(image)
                labels.append(number)
        parts[f"x_{part}"] = np.array(images, dtype=np.uint8).reshape(len(images), *(size or (1, 1)))
        parts[f"y_{part}"] = np.array(labels, dtype=np.int64)
    return LabelledData(**parts, names=names, low=0.0, high=255.0)


def _class_numbers(root: Path) -> dict[str, int]:
    for part in ("train", "test"):
        if not (root / part).is_dir():
            accepted = "the folders train/<class> and test/<class> with images are needed"
            raise RequestError("dataset", str(root), f"it has no folder {part!r}; {accepted}")
    names = sorted(path.name for path in _entries(root / "train") if path.is_dir())
    if not names:
        raise RequestError("dataset", str(root / "train"), "a folder of images for each class is needed")
    if all(name.isascii() and name.isdecimal() for name in names):
        numbers = {name: int(name) for name in names}
        if len(set(numbers.values())) == len(names) and max(numbers.values()) <= np.iinfo(np.int64).max:
            return numbers
    return {name: number for number, name in enumerate(names)}


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise RequestError("dataset", str(folder), f"it cannot be read: {error.strerror}") from error


def _files(folder: Path) -> list[Path]:
    return [path for path in _entries(folder) if path.is_file()] if folder.is_dir() else []


def _gray(path: Path) -> UInt8[np.ndarray, "height width"]:
    from PIL import Image

    try:
        with Image.open(path) as image:
            if image.mode not in _BYTE_MODES:
                raise RequestError("dataset", str(path), f"8 bits per channel are needed, not {image.mode}")
            # PIL warns where a palette's transparency is dropped in one step; gray has none to lose.
            opaque = image.convert("RGBA") if "transparency" in image.info else image
            return np.asarray(opaque.convert("L"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        if isinstance(error, RequestError):
            raise
        raise RequestError("dataset", str(path), "this image cannot be read") from error


def _sizes(found: tuple[int, ...], first: tuple[int, ...]) -> str:
    (height, width), (first_height, first_width) = found, first
    return f"it is {width} x {height}, the first image {first_width} x {first_height}; all need one size"
