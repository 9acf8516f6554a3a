"""Scores that were computed elsewhere, as a scorer: an array in a file (`--scores`)."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from prunebench.errors import RequestError
from prunebench.plugin.registry import Registry
from prunebench.plugin.spec import NAME
from prunebench.scoring.outcome import FLOATING
from prunebench.scoring.registry import SCORERS
from prunebench.scoring.scorer import Scorer
from prunebench.tasks.npz import read_arrays
from prunebench.training.snapshot import Snapshot


class SavedScores(Scorer):
    """Looks every network's scores up by its seed.

    Derived classes, made by `read_scores`, are named after the file; their version is a hash of the scores.
    """

    row_of: ClassVar[Mapping[int, int]]
    saved_scores: ClassVar[Float[Tensor, "seeds neurons"]]
    saved_signs: ClassVar[Float[Tensor, "seeds neurons"] | None]

    def score(self, snapshot: Snapshot) -> Float[Tensor, "seeds neurons"]:
        """The rows of the snapshot's seeds."""
        return self.saved_scores[self._rows(snapshot)].to(snapshot.networks.device, snapshot.networks.dtype)

    def signs(self, snapshot: Snapshot) -> Float[Tensor, "seeds neurons"] | None:
        """The rows of the snapshot's seeds, where the file has signs."""
        if self.saved_signs is None:
            return None
        return self.saved_signs[self._rows(snapshot)].to(snapshot.networks.device, snapshot.networks.dtype)

    def _rows(self, snapshot: Snapshot) -> list[int]:
        return [self.row_of[seed] for seed in snapshot.seeds]


def read_scores(path: Path, seeds: Sequence[int], width: int) -> SavedScores:
    """The array `scores` (seeds, neurons) of an .npz file, a row for each of `seeds`, and `signs` if any.

    Raises `RequestError` for a file that cannot be read, another shape, scores that are whole numbers,
    numbers that are not finite, and a name that another scorer has.
    """
    if not re.fullmatch(NAME, path.stem):
        raise RequestError("scores", str(path), "the file names the row: letters, digits, _, - and . only")
    arrays = read_arrays("scores", path, ("scores",), ("signs",))
    try:
        return saved_scores(path.stem, arrays, seeds, width)
    except RequestError as error:
        raise RequestError("scores", str(path), error.accepted) from None


def saved_scores(
    name: str, arrays: Mapping[str, np.ndarray], seeds: Sequence[int], width: int
) -> SavedScores:
    """The scorer of this name that has `scores` (seeds, neurons), a row for each of `seeds`, and `signs`.

    Raises `RequestError` for another shape, scores that are whole numbers, numbers that are not finite, and a
    name that another scorer has.
    """
    if not isinstance(name, str) or not re.fullmatch(NAME, name):
        raise RequestError("scores", name, "a name of letters, digits, _, - and . is needed")
    if problem := SCORERS.problem_of_name(name):
        raise RequestError("scores", name, problem)
    if name in (known := Registry(SCORERS).plugins):
        raise RequestError("scores", name, f"the name {name!r} is taken by {known[name].origin}; rename them")
    identity = hashlib.sha256(repr(tuple(seeds)).encode())
    checked = {}
    for key, array in arrays.items():
        kinds, needed = ("f", FLOATING) if key == "scores" else ("iuf", "numbers are needed")
        if array.dtype.kind not in kinds:
            raise RequestError("scores", name, f"its {key} are {array.dtype}; {needed}")
        if array.shape != (len(seeds), width):
            expected = f"(seeds, neurons) = {(len(seeds), width)} is needed, a row for each of the seeds"
            raise RequestError("scores", name, f"its {key} have shape {array.shape}; {expected}")
        with np.errstate(over="ignore"):
            checked[key] = np.ascontiguousarray(array, dtype=np.float32)
        if not np.isfinite(checked[key]).all():
            raise RequestError("scores", name, f"its {key} hold NaN or infinite numbers in float32")
        identity.update(key.encode() + checked[key].tobytes())
    attributes = {
        "name": name,
        "version": identity.hexdigest()[:16],
        "row_of": {seed: row for row, seed in enumerate(seeds)},
        "saved_scores": torch.from_numpy(checked["scores"]),
        "saved_signs": torch.from_numpy(checked["signs"]) if "signs" in checked else None,
    }
    cls: type[SavedScores] = type("SavedScores", (SavedScores,), attributes)
    return cls()
