"""What a unit was worth in the end: four truths that scores may be held against (docs/protocols.md)."""

from typing import Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor

from prunebench.networks import Networks
from prunebench.networks.ablation import ablations
from prunebench.networks.contribution import contributions
from prunebench.tasks.task import Task

Truth = Literal["norm", "growth", "contribution", "ablation"]

OTHERS: tuple[Truth, ...] = tuple(name for name in get_args(Truth) if name != "norm")


def truth(name: Truth, final: Networks, initial: Networks, task: Task) -> Float[Tensor, "seeds units"]:
    """What each unit of the trained networks was worth; `initial` are the same networks before training.

    `norm`: the effective norm u. `growth`: `u/u_0`, 0 for a unit that began at 0. `contribution`:
    `std(h)|v|` (`networks.contribution`). `ablation`: how much the training loss rises when the unit alone is
    gated; a pass over the training data for each unit. Running statistics of batch normalisation are used as
    they are: a snapshot's are estimated again.
    """
    if name == "growth":
        ends = final.norms("effective"), initial.norms("effective")
        return torch.where(ends[1] > 0, ends[0] / ends[1].clamp_min(torch.finfo(ends[1].dtype).tiny), 0.0)
    if name == "contribution":
        return contributions(final, task.x_train)
    if name == "ablation":
        return ablations(final, task.x_train, task.y_train)
    return final.norms("effective")
