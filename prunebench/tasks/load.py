"""From the name of a data set to a task."""

import os
from pathlib import Path

import numpy as np

from prunebench.errors import RequestError, unknown_name
from prunebench.fields import convert
from prunebench.tasks.cache import Cache, default_folder
from prunebench.tasks.classes import Classes, class_label, is_all, resolve_classes
from prunebench.tasks.datasets import DATASETS, default_samples
from prunebench.tasks.draw import draw
from prunebench.tasks.folder import read_folder
from prunebench.tasks.labelled import LabelledData, inputs
from prunebench.tasks.npz import read_npz
from prunebench.tasks.scaling import scale
from prunebench.tasks.spec import Scaling, TaskSpec
from prunebench.tasks.task import Task


def load_task(
    dataset: str | Path = TaskSpec.dataset,
    *,
    classes: Classes = TaskSpec.classes,
    samples: int | None = None,
    seed: int = TaskSpec.seed,
    scaling: str = TaskSpec.scaling,
    colour: bool = False,
    cache: str | Path | None = None,
    download: bool = False,
) -> Task:
    """Draw a task from a labelled data set (paper, section 5).

    Args:
        dataset: a name from `prunebench list datasets`, an .npz file (`read_npz`), a folder (`read_folder`).
        classes: the classes of each side, by number or name, or `all` for a side each of those that have
            samples; the first side is label 0, of two the paper's class 1.
        samples: training samples, balanced over the sides and over the classes of a side (`draw`); left out
            800, and 400 of digits.
        seed: of the draw. The test samples are always all of the chosen classes.
        scaling: `symmetric`, `unit`, `standard` or `centred` (`scale`).
        colour: keep the three channels of colour images, which become gray otherwise.
        cache: folder of downloaded data sets; `PRUNEBENCH_CACHE` or the user's cache folder by default.
        download: whether a data set that is not in the cache may be downloaded.

    Raises:
        RequestError: anything in the request or in the data that does not fit.
        PrunebenchError: a download failed.
    """
    convert("scaling", scaling, Scaling)
    folder = default_folder() if cache is None else Path(cache)
    name, shown, data = _read(dataset, classes, Cache(folder, download))
    sides = resolve_classes(classes, data.present if is_all(classes) else data.names)
    chosen = sum(sides, ())
    data = data.only(chosen)
    for number in chosen:
        if not (data.y_test == number).any():
            raise RequestError("classes", class_label(number, data.names), "this class has no test samples")
    samples = default_samples(dataset) if samples is None else samples
    drawn = draw(data.y_train, sides, samples, seed, data.names)
    x_train, x_test = scale(
        inputs(data.x_train[drawn], colour), inputs(data.x_test, colour), scaling, data.low, data.high
    )
    if max(np.abs(x_train).max(), np.abs(x_test).max()) > np.finfo(np.float32).max:
        raise RequestError("dataset", str(dataset), f"scaled ({scaling}) it has numbers beyond float32's")
    # By look-up: class numbers may be as large as dates, or larger.
    pairs = sorted((number, label) for label, side in enumerate(sides) for number in side)
    numbers, labels = np.array(pairs, dtype=np.int64).T
    return Task(
        x_train,
        labels[np.searchsorted(numbers, data.y_train[drawn])],
        x_test,
        labels[np.searchsorted(numbers, data.y_test)],
        name,
        {
            "dataset": shown,
            "data_sha256": data.hash,
            "classes": [list(side) for side in sides],
            "class_names": [[data.names[number] for number in side] for side in sides],
            "samples": int(samples),
            "seed": int(seed),
            "scaling": scaling,
        }
        | ({"colour": True} if colour else {}),
    )


def load_spec(spec: TaskSpec, *, download: bool = False) -> Task:
    """The task that a command line or a study file describes; raises as `load_task` does."""
    return load_task(**vars(spec), download=download)


def _read(dataset: str | Path, classes: Classes, cache: Cache) -> tuple[str, str, LabelledData]:
    """Short name, name for the record (never a folder, which differs between machines), and the data."""
    if isinstance(dataset, str) and dataset in DATASETS:
        return dataset, dataset, DATASETS[dataset].read(cache)
    if not isinstance(dataset, str | Path):
        raise RequestError("dataset", dataset, "a name or a path is needed")
    path = Path(os.path.expanduser(dataset))
    # Unlike Path's methods these say no, rather than raise, for names that no file can have. The empty name,
    # which a shell makes of a variable that is not set, is not the folder where we are.
    if os.path.isdir(path) and dataset != "":
        name = path.resolve().name
        return name, name, read_folder(path, classes)
    if os.path.isfile(path):
        try:
            return path.stem, path.name, read_npz(path)
        except RequestError as error:
            if error.option == "dataset":
                raise
            raise RequestError("dataset", str(path), str(error)) from error  # of one of its arrays
    if isinstance(dataset, Path) or len(path.parts) != 1 or path.suffix == ".npz":
        raise RequestError("dataset", str(dataset), "there is no such file or folder")
    raise unknown_name("dataset", dataset, DATASETS, "a path of an .npz file or folder, or one of")
