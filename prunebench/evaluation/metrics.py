"""What every protocol returns: one number per network under each name."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

if TYPE_CHECKING:
    from torch import Tensor  # boards are read without torch

# Raised whenever the same scores would get other numbers: results of two evaluators are never mixed.
EVALUATOR_VERSION = "3"

# A metric's path in the JSON document, e.g. ("accuracy", "prune_final", "0.1"), to its value per network.
# NaN: not defined for that network.
Metrics = dict[tuple[str, ...], Float[np.ndarray, " seeds"]]


def nest(flat: Mapping[tuple[str, ...], Any]) -> dict[str, Any]:
    """`{("a", "b"): 1}` as `{"a": {"b": 1}}`."""
    nested: dict[str, Any] = {}
    for path, value in flat.items():
        *parents, leaf = path
        level = nested
        for parent in parents:
            level = level.setdefault(parent, {})
        level[leaf] = value
    return nested


def per_seed(values: "Tensor") -> Float[np.ndarray, " seeds"]:
    """A tensor of one number per network, as float64 numpy."""
    return values.detach().cpu().double().numpy()
