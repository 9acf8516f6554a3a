"""A snapshot in one safetensors file: for scores that are computed elsewhere, and for other processes.

Tensors: `networks.w_in` (S,d,D), `networks.bias` (S,d), `networks.w_out` (S,C,d); the same of `initial.`,
and of `final.` for scorers that see the end; `task.x_train` (N,D), `task.y_train` (N,), `task.x_test`,
`task.y_test`; `seeds` (S,); `order` (S, steps, batch size): the samples of every minibatch, -1 where one is
smaller. Metadata: `step`, and `recipe` and `task` as JSON.
"""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from prunebench.errors import RequestError
from prunebench.networks import Networks, shallow_networks
from prunebench.tasks.task import Task
from prunebench.training.order import minibatch_orders
from prunebench.training.recipe import Recipe
from prunebench.training.snapshot import Snapshot

FORMAT = "prunebench-snapshot-1"
_WEIGHTS = ("w_in", "bias", "w_out")
_ARRAYS = ("x_train", "y_train", "x_test", "y_test")


def bundle_bytes(snapshot: Snapshot, *, order: bool = True) -> bytes:
    """The file's content, with the order of all minibatches to the end unless `order` is False."""
    task, recipe = snapshot.task, snapshot.recipe
    tensors = {f"task.{name}": getattr(task, name) for name in _ARRAYS}
    for part in ("networks", "initial", "final"):
        networks: Networks | None = getattr(snapshot, part)
        if networks is not None:
            tensors |= {f"{part}.{name}": getattr(networks, name) for name in _WEIGHTS}
    tensors["seeds"] = torch.tensor(snapshot.seeds)
    if order:
        tensors["order"] = minibatch_orders(task.samples, recipe.batch_size, recipe.steps, snapshot.seeds)
    metadata = {
        "format": FORMAT,
        "step": str(snapshot.step),
        "recipe": json.dumps(recipe.record),
        "task": json.dumps({"name": task.name, "source": dict(task.source)}),
    }
    # The format wants memory of its own for every tensor.
    own = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    content: bytes = save(own, metadata)
    return content


def read_bundle(path: Path, device: torch.device | str = "cpu") -> Snapshot:
    """The snapshot in a file of `bundle_bytes`'s content. Raises `RequestError` for any other file."""
    try:
        with safe_open(str(path), "pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys() if name != "order"}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise RequestError(
            "snapshot", str(path), f"a file of `prunebench export --snapshot`: {error}"
        ) from error
    if metadata.get("format") != FORMAT:
        raise RequestError("snapshot", str(path), f"a file of format {FORMAT} is needed")
    try:
        return _snapshot(metadata, tensors, device)
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        reason = f"a file of `prunebench export --snapshot`: {type(error).__name__}: {error}"
        raise RequestError("snapshot", str(path), reason) from error


def _snapshot(metadata: dict[str, str], tensors: dict[str, Any], device: torch.device | str) -> Snapshot:
    described = json.loads(metadata["task"])
    task = Task(*(tensors[f"task.{name}"] for name in _ARRAYS), **described)
    parts = {
        part: shallow_networks(*(tensors[f"{part}.{name}"].to(device) for name in _WEIGHTS))
        for part in ("networks", "initial", "final")
        if f"{part}.w_in" in tensors
    }
    return Snapshot(
        task,
        Recipe(**json.loads(metadata["recipe"])),
        int(metadata["step"]),
        parts["networks"],
        parts["initial"],
        tuple(tensors["seeds"].tolist()),
        parts.get("final"),
    )
