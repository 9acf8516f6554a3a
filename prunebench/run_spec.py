"""What is asked of trained networks: the options of a command line and the table [run] of a study file."""

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from prunebench.errors import RequestError
from prunebench.evaluation.fractions import Share
from prunebench.evaluation.protocols import DEFAULT_PROTOCOLS, Protocol
from prunebench.evaluation.summary import Count
from prunebench.tasks.spec import Seed


@dataclass(frozen=True)
class RunSpec:
    """Scorers, where they are asked, and how they are measured (docs/protocols.md).

    Attributes:
        scorers: as `prunebench list scorers` has them, with parameters in brackets.
        at_steps, at_epochs: where to score; step 50 where both are empty.
        keep: shares of the units; the plan knows those of the kind of network where it is empty.
        recalibrate: over the training inputs, without labels, also of networks that were not pruned.
    """

    scorers: Annotated[
        tuple[str, ...],
        Meta(
            description="Scorers to rank, such as snip,imp: of `prunebench list scorers`, or classes in "
            "files of yours; `all`: every one that can take the networks.",
            extra={"flag": "--scorer"},
        ),
    ] = ("alignment",)
    at_steps: Annotated[
        tuple[Count, ...],
        Meta(description="Score at these steps, such as 0,50. [default: 50]", extra={"flag": "--at-step"}),
    ] = ()
    at_epochs: Annotated[
        tuple[Count, ...],
        Meta(description="Score at the end of these epochs.", extra={"flag": "--at-epoch"}),
    ] = ()
    seeds: Annotated[
        tuple[Seed, ...],
        Meta(description="Networks to train: a number, or seeds such as 3,5 or 0-9. [default: 20]"),
    ] = tuple(range(20))
    protocols: Annotated[
        tuple[Protocol, ...],
        Meta(
            description="How to evaluate, such as rank,merge. prune_early and finetune train again, for each "
            "scorer and step.",
            extra={"flag": "--protocol"},
        ),
    ] = DEFAULT_PROTOCOLS
    keep: Annotated[
        tuple[Share, ...],
        Meta(
            description="Shares of the units to keep in every layer, such as 0.5,0.1. [default: from 0.5 to "
            "0.01 for the shallow network, from 0.8 to 0.2 for others]"
        ),
    ] = ()
    finetune_steps: Annotated[
        Annotated[int, Meta(ge=1)] | None,
        Meta(description="Steps that finetune trains on. [default: 10 % of the steps]"),
    ] = None
    recalibrate: Annotated[
        bool,
        Meta(
            description="Estimate batch normalisation's running statistics again before accuracies are "
            "measured. [default: on]"
        ),
    ] = True

    def steps(self, epoch: int, end: int) -> tuple[int, ...]:
        """The steps at which to score, each once; `epoch` and `end` are steps too.

        Raises `RequestError` for an epoch after the end.
        """
        for number in self.at_epochs:
            if number * epoch > end:
                raise RequestError("at_epochs", number, f"training ends after {end / epoch:g} epochs")
        steps = (*self.at_steps, *(number * epoch for number in self.at_epochs))
        return tuple(dict.fromkeys(steps)) or (50,)
