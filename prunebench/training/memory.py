"""Whether a training fits into this machine's memory, which is better known before it is tried."""

import os

from prunebench.errors import RequestError
from prunebench.tasks.task import Task
from prunebench.training.architecture import architecture_of
from prunebench.training.recipe import Recipe


def check_memory(task: Task, recipe: Recipe, seeds: int, snapshots: int) -> None:
    """Raises `RequestError` for networks, or orders of their minibatches, that memory cannot hold at all."""
    there, weights = _memory(), recipe.width * (task.inputs + 1 + task.outputs)
    if recipe.network is not None:
        module = architecture_of(recipe, task.shape, task.outputs).module
        weights = sum(parameter.numel() for parameter in module.parameters())
    tensors = 2 if recipe.optimizer == "adam" else 1  # velocities, and squares
    networks = seeds * weights * 4 * ((1 + tensors) * (1 + snapshots) + 1)  # and the initial ones
    orders = seeds * recipe.steps * recipe.batch_size * 8
    if there is None or networks + orders <= there:
        return
    option, much = "steps", orders
    if networks > orders:
        option, much = "width" if recipe.network is None else "network", networks
    accepted = (
        f"for {seeds} seeds that takes {much / 1e9:,.0f} GB, and this machine has {there / 1e9:,.0f} GB: "
        "a smaller number, or fewer seeds at once, are needed"
    )
    raise RequestError(option, getattr(recipe, option), accepted)


def _memory() -> int | None:
    """Bytes of this machine; None where it does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return None
