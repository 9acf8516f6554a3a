"""A snapshot in one safetensors file: for scores that are computed elsewhere, and for other processes.

Tensors: `networks.` and the name of each of the module's, with the seeds' axis before its own: of the shallow
network `networks.w_in` (S,d,D), `networks.bias` (S,d), `networks.w_out` (S,C,d); the same of `initial.`, of
`final.` for scorers that see the end, and of `twin.` for those that ask for twins; `task.x_train` (N,D),
`task.y_train` (N,), `task.x_test`, `task.y_test`; `seeds` (S,); `order` (S, steps, batch size): the samples
of every minibatch, -1 where one is smaller. Metadata: `step`, and `recipe` and `task` (with the `shape` of a
sample) as JSON.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from prunebench.errors import RequestError
from prunebench.networks import Networks
from prunebench.tasks.task import ARRAYS, Task
from prunebench.training.architecture import architecture_of, loaded
from prunebench.training.order import minibatch_orders
from prunebench.training.recipe import Recipe
from prunebench.training.snapshot import MOMENTS, Snapshot

FORMAT = "prunebench-snapshot-1"


def bundle_bytes(snapshot: Snapshot, *, order: bool = True) -> bytes:
    """The file's content, with the order of all minibatches to the end unless `order` is False."""
    task, recipe = snapshot.task, snapshot.recipe
    tensors = snapshot.named_tensors() | {"seeds": torch.tensor(snapshot.seeds)}
    if order:
        tensors["order"] = minibatch_orders(task.samples, recipe.batch_size, recipe.steps, snapshot.seeds)
    metadata = {
        "format": FORMAT,
        "step": str(snapshot.step),
        "recipe": json.dumps(recipe.record),
        "task": json.dumps({"name": task.name, "source": dict(task.source), "shape": task.shape}),
    }
    return file_bytes(tensors, metadata)


def file_bytes(tensors: Mapping[str, Tensor], metadata: dict[str, str] | None = None) -> bytes:
    """The content of a safetensors file; the format wants memory of its own for every tensor."""
    own = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    content: bytes = save(own, metadata)
    return content


def read_bundle(path: Path, device: torch.device | str = "cpu", files: Iterable[str | Path] = ()) -> Snapshot:
    """The snapshot in a file of `bundle_bytes`'s content; its network comes from packages and `files`.

    Raises `RequestError` for any other file, and for a network that is not here or is of other code.
    """
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
        described = json.loads(metadata["task"])
        shape = described.pop("shape", None)  # files of earlier versions have none
        arrays = (tensors[f"task.{name}"] for name in ARRAYS)
        task = Task(*(a.reshape(-1, *shape) if shape and a.ndim > 1 else a for a in arrays), **described)
        recipe = Recipe.read(json.loads(metadata["recipe"]))
        step, seeds = int(metadata["step"]), tuple(tensors["seeds"].tolist())
    except (KeyError, TypeError, ValueError, RuntimeError, AttributeError) as error:
        raise _not_one(path, error) from error
    recipe = loaded(recipe, files)
    architecture = architecture_of(recipe, task.shape, task.outputs)
    try:
        parts = {
            part: Networks(
                architecture, {name: tensors[f"{part}.{name}"].to(device) for name in architecture.names}
            )
            for part in MOMENTS
            if any(name.startswith(f"{part}.") for name in tensors)
        }
        final, twin = parts.get("final"), parts.get("twin")
        return Snapshot(task, recipe, step, parts["networks"], parts["initial"], seeds, final, twin)
    except (KeyError, TypeError, ValueError) as error:
        raise _not_one(path, error) from error


def _not_one(path: Path, error: Exception) -> RequestError:
    reason = f"a file of `prunebench export --snapshot`: {type(error).__name__}: {error}"
    return RequestError("snapshot", str(path), reason)
