"""Your own data in a NumPy archive: `x_train, y_train, x_test, y_test` and optional `class_names`."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Int64, Num

from prunebench.errors import RequestError
from prunebench.tasks.labelled import LabelledData, value_range

ARRAYS = ("x_train", "y_train", "x_test", "y_test")


def read_npz(path: Path) -> LabelledData:
    """The data set in an .npz file, which may come from anywhere: nothing in it is ever unpickled.

    `x_*` are numbers: vectors (N, D), gray images (N, H, W), or images of 1 or 3 channels, last (N, H, W, C)
    or first (N, C, H, W). `y_*` (N,) are whole numbers from 0 up; `class_names` has the name of class k at
    place k. Bytes (uint8) are pixels from 0 to 255, in both of `x_*` or in neither.

    Raises `RequestError` for anything else, with what is wrong.
    """
    arrays = read_arrays("dataset", path, ARRAYS, ("class_names",))
    for part in ("train", "test"):
        arrays[f"x_{part}"] = _inputs(f"x_{part}", arrays[f"x_{part}"])
        arrays[f"y_{part}"] = _labels(f"y_{part}", arrays[f"y_{part}"], len(arrays[f"x_{part}"]))
    if arrays["x_train"].shape[1:] != arrays["x_test"].shape[1:]:
        shapes = (arrays["x_train"].shape, arrays["x_test"].shape)
        raise RequestError("x_train, x_test", shapes, "samples of one shape are needed")
    kinds = [str(arrays[f"x_{part}"].dtype) for part in ("train", "test")]
    if kinds[0] != kinds[1] and "uint8" in kinds:  # of these alone the range is known, and it would be both's
        raise RequestError("x_train, x_test", kinds, "bytes are pixels from 0 to 255; both or neither can be")
    names = _names(arrays.pop("class_names", None), np.union1d(arrays["y_train"], arrays["y_test"]))
    low, high = value_range(arrays["x_train"])
    return LabelledData(**arrays, names=names, low=low, high=high)


def read_arrays(
    option: str, path: Path, needed: Sequence[str], optional: Sequence[str] = ()
) -> dict[str, np.ndarray]:
    """Arrays of an .npz file by name, without unpickling anything.

    Raises `RequestError` for `option` where the file or one of the `needed` arrays is not to be had.
    """
    arrays: dict[str, np.ndarray] = {}
    noun = "the arrays" if len(needed) > 1 else "an array"
    wanted = f"an .npz file with {noun} {', '.join(needed)} is needed"
    if path.exists() and not path.is_file() and not path.is_dir():  # a pipe would be waited for
        raise RequestError(option, str(path), f"it is no ordinary file; {wanted}")
    try:
        # Opened here, because NumPy leaves a file open that it cannot read.
        with open(path, "rb") as file:
            archive = np.load(file, allow_pickle=False)
            if isinstance(archive, np.ndarray):
                raise RequestError(option, str(path), f"this is a single array; {wanted}")
            with archive:
                for name in (*needed, *optional):
                    if name in archive:
                        arrays[name] = archive[name]
                        if not isinstance(arrays[name], np.ndarray):
                            raise TypeError(f"{name} is no array")
    except RequestError:
        raise
    except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
        raise RequestError(option, str(path), f"it cannot be read: {error.strerror}") from error
    except Exception as error:  # NumPy, zip and zlib raise many kinds on what is cut off or altered
        if "Object arrays" in str(error):
            problem = "it holds pickled objects, which are never loaded"
        else:
            problem = "it is damaged, cut off or no .npz file (pickles are never loaded)"
        raise RequestError(option, str(path), f"{problem}; {wanted}") from error
    if missing := [name for name in needed if name not in arrays]:
        raise RequestError(option, str(path), f"it lacks {', '.join(missing)}; {wanted}")
    return arrays


def _inputs(name: str, x: np.ndarray) -> Num[np.ndarray, "samples *image"]:
    if x.dtype.kind not in "biuf":
        raise RequestError(name, str(x.dtype), "numbers are needed")
    if x.ndim == 4:
        if x.shape[3] not in (1, 3) and x.shape[1] in (1, 3):
            x = np.moveaxis(x, 1, 3)
        if x.shape[3] == 1:
            x = x[..., 0]
    if x.ndim not in (2, 3, 4) or 0 in x.shape or (x.ndim == 4 and x.shape[3] != 3):
        raise RequestError(name, x.shape, "vectors (N, D) or images (N, H, W) or (N, H, W, 3) are needed")
    if x.dtype.kind == "f" and not np.isfinite(x).all():
        raise RequestError(name, "NaN or infinite numbers", "finite inputs are needed")
    return x.astype(np.float64) if x.dtype.kind == "b" else x


def _labels(name: str, y: np.ndarray, samples: int) -> Int64[np.ndarray, " samples"]:
    if y.dtype.kind not in "iu":
        raise RequestError(name, str(y.dtype), "whole-number labels are needed")
    if y.shape != (samples,):
        raise RequestError(name, y.shape, f"one label per sample is needed: ({samples},)")
    if y.min() < 0 or y.max() > np.iinfo(np.int64).max:
        raise RequestError(name, int(y.min() if y.min() < 0 else y.max()), "labels from 0 up are needed")
    return y.astype(np.int64)


def _names(names: np.ndarray | None, numbers: Int64[np.ndarray, " classes"]) -> dict[int, str]:
    if names is None:
        return {int(number): str(number) for number in numbers}
    if names.ndim != 1 or names.dtype.kind != "U":
        raise RequestError("class_names", (names.shape, str(names.dtype)), "a list of strings is needed")
    if len(set(names.tolist())) < len(names):
        raise RequestError("class_names", names.tolist(), "every class needs a name of its own")
    if numbers.max() >= len(names):
        raise RequestError("class_names", f"{len(names)} names", f"class {numbers.max()} needs one too")
    return dict(enumerate(names.tolist()))
