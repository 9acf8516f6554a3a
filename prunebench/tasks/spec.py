"""Which task is drawn: the options of a command line and of a study file."""

from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta

from prunebench.fields import check

# What random generators take, and what the store can hold.
LARGEST_SEED = 2**63 - 1
Seed = Annotated[int, Meta(ge=0, le=LARGEST_SEED)]
Scaling = Literal["symmetric", "unit", "standard", "centred"]


@dataclass(frozen=True)
class TaskSpec:
    """What `load_task` is asked for (docs/tasks.md), written as on a command line.

    Attributes:
        samples: None takes as many as are usual for the data set.
    """

    dataset: Annotated[
        str, Meta(description="Name, .npz file or folder. See `prunebench list datasets`.")
    ] = "mnist5k"
    classes: Annotated[
        str,
        Meta(description="Classes of each side, by number or name; `all`: a side for each class."),
    ] = "0,3/1,2"
    samples: Annotated[
        Annotated[int, Meta(ge=0)] | None,
        Meta(description="Balanced training samples. [default: 400 for digits, else 800]"),
    ] = None
    seed: Annotated[Seed, Meta(description="Seed of the samples' draw.", extra={"flag": "--task-seed"})] = 0
    scaling: Annotated[Scaling, Meta(description="How inputs are scaled.")] = "symmetric"
    colour: Annotated[bool, Meta(description="Keep the colours of images. [default: they become gray]")] = (
        False
    )

    def __post_init__(self) -> None:
        check(self)
