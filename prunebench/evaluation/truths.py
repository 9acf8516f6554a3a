"""What a unit was worth in the end: four truths that scores may be held against (docs/protocols.md)."""

from typing import Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor

from prunebench.cache import cached
from prunebench.counting import FORWARD, counted
from prunebench.networks import Networks
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
    return _ablation(final, task) if name == "ablation" else final.norms("effective")


def _ablation(final: Networks, task: Task) -> Float[Tensor, "seeds units"]:
    x = final.architecture.shaped(task.x_train).to(final.device, final.dtype)
    y = task.y_train.to(final.device)

    def of_one(s: int) -> Tensor:
        one = final.select(s)

        def compute() -> tuple[Tensor]:
            with counted():  # what is remembered counts by `passes`
                gates = 1 - torch.eye(one.units, device=one.device, dtype=one.dtype)
                losses = [one.gated(row[None]).loss(x, y) for row in gates]
                return (torch.cat(losses) - one.loss(x, y),)

        # Neither the step nor the scorer matters to a trained network, and all of them ask for it.
        name, inputs = f"ablation in {final.architecture.key}", [*one.tensors.values(), x, y]
        return cached(name, inputs, compute, passes=(one.units + 1) * len(x) * FORWARD)[0]

    return torch.stack(final.each(of_one))
