"""A trained network, and the narrower networks that protocols make of it, over both data sets."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Generic, TypeVar

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from prunebench.evaluation.metrics import Split
from prunebench.networks import Networks
from prunebench.tasks.task import Task

# What a subject calls several choices of units: narrower networks, made when they are measured.
N = TypeVar("N")


class Subject(ABC, Generic[N]):
    """One trained network over both data sets; units are numbered through all layers.

    Attributes:
        network: as it was trained, a batch of one.
    """

    def __init__(self, network: Networks, task: Task) -> None:
        self.network, self.task = network, task

    @property
    def units(self) -> int:
        """U, of all layers."""
        return self.network.units

    @property
    @abstractmethod
    def parallel(self) -> Float[Tensor, "units units"]:
        """Cosines of the incoming weights, -1 between units that may not become one."""

    def whole(self) -> N:
        """The network itself."""
        return self.pruned(torch.arange(self.units, device=self.network.device)[None])

    @abstractmethod
    def pruned(self, kept: Int64[Tensor, "choices kept"]) -> N:
        """The networks that have only these units."""

    @abstractmethod
    def merged(self, labels: Int64[Tensor, "choices units"]) -> N:
        """The networks that have one unit for all of equal label; -1 drops a unit (`theory.merge`)."""

    @abstractmethod
    def accuracies(self, narrowed: Sequence[N], split: Split) -> list[Float[Tensor, " choices"]]:
        """Share of samples that each of the narrowed networks classifies right, as `networks.accuracy`."""
