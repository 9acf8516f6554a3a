"""What the store holds, one network at a time."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from prunebench.training.loop import History

# The step under which a trained network is kept; snapshots are kept under their own.
FINAL = -1

Environment = dict[str, Any]
# A metric's path in the result document, joined by "/", to one value per draw; None: not defined.
Values = dict[str, list[float | None]]


class Measure(NamedTuple):
    """A protocol, and the share of neurons it keeps as it is written in results (empty for `rank`)."""

    protocol: str
    keep: str = ""


class Key(NamedTuple):
    """What scored, and when: with a training and a seed it names a scoring."""

    step: int
    scorer: str
    version: str
    source: str


@dataclass(frozen=True, eq=False)
class Scoring:
    """One network's scores from one scorer at one step, and all that was measured with them.

    Attributes:
        error: why there are no scores, or None.
        scores: one row for each draw; None where there are none, and where they were not read.
        signs: predicted output signs, laid out as the scores.
        extra_steps: gradient steps that the scorer trained itself.
        seconds: this network's share of the time that scoring took.
        results: the values of each measure.
        environment: with what it was made.
        result_seconds: this network's share of the time that each of the measures took.
    """

    seed: int
    key: Key
    error: str | None
    draws: int
    extra_steps: int
    seconds: float
    environment: Environment
    scores: Float[np.ndarray, "draws neurons"] | None = None
    signs: Float[np.ndarray, "draws neurons"] | None = None
    results: dict[Measure, Values] = field(default_factory=dict)
    result_seconds: float = 0.0


@dataclass(frozen=True)
class Trained:
    """How one network's training went.

    Attributes:
        steps, loss, accuracy: its curves over the training set.
        seconds: its share of the time that the batch took.
    """

    seed: int
    steps: tuple[int, ...]
    loss: tuple[float, ...]
    accuracy: tuple[float, ...]
    seconds: float
    environment: Environment

    @property
    def gradient_steps(self) -> int:
        """Steps that the network took."""
        return self.steps[-1]


def curves_of(history: History, position: int) -> dict[str, list[int] | list[float]]:
    """One network's curves, as they are written."""
    return {
        "steps": history.steps.tolist(),
        "loss": history.loss[position].double().tolist(),
        "accuracy": history.accuracy[position].double().tolist(),
    }


def read_values(text: str) -> Values:
    """A measure's values from JSON. Raises `ValueError` for anything else."""
    values = json.loads(text)
    if not isinstance(values, dict) or not all(isinstance(draws, list) for draws in values.values()):
        raise ValueError("not the values of a measure")
    for value in (value for draws in values.values() for value in draws):
        if value is not None and (type(value) not in (int, float) or not math.isfinite(value)):
            raise ValueError(f"not a number: {value!r}")
    return values


def join_history(trained: Sequence[Trained]) -> History:
    """The curves of several networks that were recorded at the same steps."""
    loss, accuracy = (
        torch.tensor([getattr(one, name) for one in trained], dtype=torch.float32)
        for name in ("loss", "accuracy")
    )
    return History(torch.tensor(trained[0].steps), loss, accuracy)


def network_rows(
    draws: Sequence[Float[Tensor, "seeds neurons"]], position: int
) -> Float[np.ndarray, "draws neurons"] | None:
    """One network's rows of several draws as float32 numpy, or None for no draws."""
    if not draws:
        return None
    return np.stack([draw[position].detach().cpu().float().numpy() for draw in draws])
