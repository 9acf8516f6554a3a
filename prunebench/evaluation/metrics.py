"""What every protocol returns: one number per network under each name."""

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from jaxtyping import Float

from prunebench.evaluation.protocols import LABELS, PROTOCOLS, SHUFFLED, TRUTHS, Protocol

if TYPE_CHECKING:
    from torch import Tensor  # boards are read without torch

# Raised whenever the same scores would get other numbers: results of two evaluators are never mixed.
EVALUATOR_VERSION = "3"

# A metric's place in the JSON document: ("spearman",), ("accuracy", "prune_final", "0.1").
Path = tuple[str, ...]
# To its value per network; NaN: not defined for that network.
Metrics = dict[Path, Float[np.ndarray, " seeds"]]

# Rank correlation of the scores that a scorer gives for shuffled labels.
SHUFFLED_LABELS: Path = ("spearman_shuffled_labels",)
# How much more it is with the true labels, which boards compute.
FROM_LABELS: Path = ("spearman_from_labels",)
# Then the layer's name.
BY_LAYER = "spearman_by_layer"

# What a metric can be; no interval reaches beyond it.
Kind = Literal["correlation", "share", "accuracy", "amount", "ratio"]
RANGES: dict[Kind, tuple[float, float]] = {
    "correlation": (-1.0, 1.0),
    "share": (0.0, 1.0),
    "accuracy": (0.0, 1.0),
    "amount": (0.0, math.inf),
    "ratio": (1.0, math.inf),  # of the larger to the smaller
}
# By the first key of the path, of what is no correlation; all others are shares.
_KINDS: dict[str, Kind] = {
    "accuracy": "accuracy",
    "train_accuracy": "accuracy",
    "groups": "amount",
    "initial_loss": "amount",
    "spread": "ratio",
    "train_loss": "amount",
}
# Accuracies by the split that they are measured on.
Split = Literal["test", "train"]
SPLITS: dict[str, Split] = {"accuracy": "test", "train_accuracy": "train"}


def kind_of(path: Path) -> Kind:
    """What a metric can be. Correlations are called by their coefficient and what they are taken of."""
    if path[0].startswith(("spearman", "kendall")):
        return "correlation"
    return _KINDS.get(path[0], "share")


@lru_cache(maxsize=4096)
def protocol_of(path: Path) -> Protocol | None:
    """The protocol that gives a metric; None: it is of the whole network, whatever scores it."""
    if path in (SHUFFLED_LABELS, FROM_LABELS):
        return LABELS
    if path[0] == "spearman_with":
        return TRUTHS
    if path[0] not in (*SPLITS, "parameters_left"):
        return "rank"
    name = "prune_global" if path[1] == SHUFFLED else path[1]
    return next((protocol for protocol in PROTOCOLS if protocol == name), None)


class Place(NamedTuple):
    """Where a metric stands in a long table.

    Attributes:
        metric: without what the other columns say.
        keep: the share of units kept.
    """

    metric: str
    keep: float | None
    layer: str | None


def place_of(path: Path) -> Place:
    """What stands beside a share, such as a control, keeps the name that sets it apart."""
    if path[0] == BY_LAYER:
        return Place(path[0], None, path[1])
    if len(path) < 3:
        return Place(".".join(path), None, None)
    inside = path[:1] if path[1] == protocol_of(path) else path[:2]
    return Place(".".join(inside), float(path[2]), None)


def per_seed(values: "Tensor") -> Float[np.ndarray, " seeds"]:
    """A tensor of one number per network, as float64 numpy."""
    return values.detach().cpu().double().numpy()
