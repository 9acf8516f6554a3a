"""What makes a training the same training: names of results that stay the same from version to version."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from typing import Any

from prunebench.tasks.task import Task
from prunebench.training.recipe import Recipe

# Raised when the same task, recipe and seed would give other networks, beyond float rounding.
TRAINING_VERSION = "1"

# What a recipe's record always holds is left out of the hash at these values. They are never changed, even
# when a default in Recipe is.
LEFT_OUT: dict[str, Any] = {
    "width": 300,
    "init_std": 1e-5,
    "learning_rate": 1e-3,
    "momentum": 0.9,
    "batch_size": 4,
    "steps": 16_000,
    "version": "1",
}


def training_id(task: Task, recipe: Recipe, seeds: Iterable[int]) -> str:
    """32 hex digits that name a task with a recipe; a seed besides names one trained network.

    With `until_loss` training ends for all networks together, so the batch of seeds is part of the name. All
    networks but the shallow one are built for the shape of a sample, which is no part of the fingerprint.
    """
    return recorded_id(task.fingerprint, task.shape, recipe, seeds)


def recorded_id(fingerprint: str, shape: Sequence[int] | None, recipe: Recipe, seeds: Iterable[int]) -> str:
    """The same from what records hold of a task."""
    together = {} if recipe.until_loss is None else {"seeds": sorted(seeds)}
    return id_of(fingerprint, recipe.record | together, None if recipe.network is None else shape)


def id_of(fingerprint: str, options: dict[str, Any], shape: Sequence[int] | None = None) -> str:
    """The same from records of a task and of its options alone."""
    shaped = {} if shape is None else {"shape": list(shape)}
    options = options | shaped | {"version": TRAINING_VERSION}
    kept = {key: value for key, value in options.items() if key not in LEFT_OUT or value != LEFT_OUT[key]}
    return digest(json.dumps([fingerprint, kept], sort_keys=True).encode())[:32]


def digest(content: bytes) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(content).hexdigest()
