"""What the store holds, one network at a time."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, NamedTuple

import msgspec
import numpy as np
import torch
from jaxtyping import Float
from msgspec import Meta

from prunebench.evaluation.summary import Amount, Number
from prunebench.training.loop import History

# The step under which a trained network is kept; snapshots are kept under their own.
FINAL = -1

Environment = dict[str, Any]
# A metric's path in the result document, joined by "/", to one value per draw; None: not defined.
Values = dict[str, list[float | None]]


# The setting of a measure that leaves batch normalisation's running statistics as training left them.
AS_TRAINED = "recalibrate=no"
# And that of `finetune`, with how far it trains on.
STEPS = "steps="
# And that of `prune_early` where a loss ended the training: narrow networks are trained for as long.
AS_LONG = "end=training"

# What columns of whole numbers may hold.
Count = Annotated[int, Meta(ge=0, le=2**62)]


class Measure(NamedTuple):
    """A protocol, and the share of units it keeps as it is written in results (empty for `rank`).

    Settings that make other numbers stand in brackets behind the protocol: `finetune[steps=100]`.
    """

    protocol: str
    keep: str = ""

    def __str__(self) -> str:
        return f"{self.protocol} {self.keep}".strip()

    @property
    def name(self) -> str:
        """The protocol without its settings."""
        return self.protocol.partition("[")[0]

    @property
    def settings(self) -> str:
        """What stands in the brackets; empty where there are none."""
        return self.protocol.partition("[")[2].removesuffix("]")

    @property
    def recalibrated(self) -> bool:
        """Whether running statistics are estimated again before anything is measured."""
        return AS_TRAINED not in self.protocol

    @property
    def steps(self) -> int:
        """That `finetune` trains on."""
        return int(self.protocol.partition(STEPS)[2].rstrip("]").partition(",")[0])


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
        errors: why measures have no values.
        environment: with what it was made.
        result_seconds: this network's share of the time that each of the measures took.
        sample_gradients: what the scorer's own passes and training cost; None where it was not counted.
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
    errors: dict[Measure, str] = field(default_factory=dict)
    sample_gradients: float | None = None


class LearningCurves(msgspec.Struct, forbid_unknown_fields=True):
    """One network's loss and accuracy over the training set, as they are written."""

    steps: list[Count]
    loss: list[Amount]
    accuracy: list[Amount]

    @classmethod
    def of(cls, history: History, position: int) -> "LearningCurves":
        """Those of the network at a position of the batch."""
        loss, accuracy = (curve[position].double().tolist() for curve in (history.loss, history.accuracy))
        return cls(history.steps.tolist(), loss, accuracy)


class Trained(LearningCurves):
    """How one network's training went: its curves, and its share of the time that the batch took."""

    seconds: Amount = 0.0

    @property
    def gradient_steps(self) -> int:
        """Steps that the network took."""
        return self.steps[-1]


def join_history(trained: Sequence[Trained]) -> History:
    """The curves of several networks that were recorded at the same steps."""
    loss = torch.tensor([one.loss for one in trained], dtype=torch.float32)
    accuracy = torch.tensor([one.accuracy for one in trained], dtype=torch.float32)
    return History(torch.tensor(trained[0].steps), loss, accuracy)


def read_values(text: str) -> Values:
    """A measure's values from JSON. Raises `ValueError` for anything else."""
    return msgspec.convert(json.loads(text), dict[str, list[Number | None]])
