"""What a unit was worth in the end: four truths that scores may be held against (docs/protocols.md)."""

from typing import Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor, nn

from prunebench.networks import Networks
from prunebench.networks.architecture import SHALLOW
from prunebench.tasks.task import Task

Truth = Literal["norm", "growth", "contribution", "ablation"]

OTHERS: tuple[Truth, ...] = tuple(name for name in get_args(Truth) if name != "norm")


def truth(name: Truth, final: Networks, initial: Networks, task: Task) -> Float[Tensor, "seeds units"]:
    """What each unit of the trained networks was worth; `initial` are the same networks before training.

    `norm`: the effective norm u. `growth`: `u/u_0`, 0 for a unit that began at 0. `contribution`:
    `std(h)|v|`, h the unit's activation over the training data (and positions) as its reader sees it.
    `ablation`: how much the training loss rises when the unit alone is gated; a pass over the training data
    for each unit. Running statistics of batch normalisation are used as they are: a snapshot's are estimated
    again.
    """
    if name == "growth":
        ends = final.norms("effective"), initial.norms("effective")
        return torch.where(ends[1] > 0, ends[0] / ends[1].clamp_min(torch.finfo(ends[1].dtype).tiny), 0.0)
    if name == "contribution":
        return torch.stack(final.each(lambda s: _spread(final, s, task))) * final.norms("outgoing")
    return _ablation(final, task) if name == "ablation" else final.norms("effective")


def _ablation(final: Networks, task: Task) -> Float[Tensor, "seeds units"]:
    x, y = (
        final.architecture.shaped(task.x_train).to(final.device, final.dtype),
        task.y_train.to(final.device),
    )
    whole, rises = final.loss(x, y), []
    for unit in range(final.units):
        gates = torch.ones(final.seeds, final.units, device=final.device, dtype=final.dtype)
        gates[:, unit] = 0
        rises.append(final.gated(gates).loss(x, y) - whole)
    return torch.stack(rises, dim=1)


@torch.no_grad()
def _spread(final: Networks, index: int, task: Task) -> Float[Tensor, " units"]:
    """`std(h)` of every unit of one network."""
    module, found = final.to_module(index, trim=False).eval(), dict[str, Tensor]()
    readers = {layer.name: layer.of("outgoing")[0].tensor.rpartition(".")[0] for layer in final.layers}
    if final.architecture.name == SHALLOW:
        readers = dict.fromkeys(readers, "2")  # of a sequence: the last of its three modules
    hooks = [
        module.get_submodule(path).register_forward_pre_hook(_Keeps(found, path))
        for path in set(readers.values())
    ]
    module(final.architecture.shaped(task.x_train).to(final.device, final.dtype))
    for hook in hooks:
        hook.remove()
    spreads = []
    for layer in final.layers:
        activation = found[readers[layer.name]].movedim(1, 0)  # after a flatten a unit owns several rows
        spreads.append(activation.reshape(layer.units, -1).std(dim=1))
    return torch.cat(spreads)


class _Keeps:
    """Keeps what a module is given."""

    def __init__(self, found: dict[str, Tensor], path: str) -> None:
        self._found, self._path = found, path

    def __call__(self, module: nn.Module, given: tuple[Tensor, ...]) -> None:
        self._found[self._path] = given[0]
