"""Networks as safetensors: one file for each network and step, named by what is in it.

The name holds the SHA-256 of the content, so a file never changes: it is there and whole, or it is not.
"""

import contextlib
import stat
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from prunebench.errors import PrunebenchError, RequestError
from prunebench.networks import Architecture, Networks
from prunebench.networks.module import own_tensors
from prunebench.networks.shallow import shallow_architecture
from prunebench.store.database import StoreError
from prunebench.store.files import NETWORKS, write_atomically
from prunebench.store.identity import digest
from prunebench.store.tables import NetworkRow
from prunebench.training.state import State

LARGEST = 4 * 2**30  # bytes of a network's file
# Before the name of what is trained: what the optimiser remembers. A kept training began at step 0.
_VELOCITY, _SQUARES = "velocity_", "squares_"
_FLOATING = (torch.float32, torch.float64)


class Damaged(PrunebenchError):
    """A file of the store is missing, or is not what was written."""


class NetworkFiles:
    """The files of one store, in a folder or (for None) in memory."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = None if folder is None else folder / NETWORKS
        self.memory: dict[str, bytes] = {}

    def write(self, name: str, content: bytes) -> None:
        """Keep `content`, also in place of a damaged file of that name."""
        if self.folder is None:
            self.memory[name] = content
            return
        path = self.folder / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, content)
        except RequestError as error:
            raise StoreError(f"{path}: {error.accepted}; move it away and run again") from error
        except OSError as error:
            reason = f"{error.strerror}; all results written before are whole"
            raise StoreError(f"{path}: {reason}, make room and run again") from error

    def read(self, network: NetworkRow) -> bytes:
        """What a network's row says is kept. Raises `Damaged`, naming the file, where it is something else.

        What is no ordinary file, or of another size, is not read: it may have no end.
        """
        name, size = network.file, network.bytes
        shown = name if self.folder is None else self.folder / name
        try:
            if self.folder is None:
                content = self.memory[name]
            else:
                there = (self.folder / name).stat()
                if not stat.S_ISREG(there.st_mode):
                    raise Damaged(f"{shown}: no ordinary file")
                if there.st_size != size or size > LARGEST:
                    raise Damaged(f"{shown}: damaged ({there.st_size:,} bytes, not the {size:,} written)")
                content = (self.folder / name).read_bytes()
        except (OSError, KeyError, ValueError) as error:
            raise Damaged(f"{shown}: missing or unreadable") from error
        if digest(content) != network.sha256:
            raise Damaged(f"{shown}: damaged (its SHA-256 is not what was written)")
        return content

    def damage(self, network: NetworkRow) -> Damaged | None:
        """What is wrong with the file of a network's row."""
        try:
            self.read(network)
        except Damaged as damage:
            return damage
        return None

    def remove(self, network: NetworkRow) -> None:
        """Delete the file of a network, and its folder with the last one; what is no such file stays."""
        if self.folder is None:
            self.memory.pop(network.file, None)
            return
        path = self.folder / network.file
        if path.parent.parent != self.folder or not path.is_file():  # the row may be anybody's
            return
        path.unlink()
        with contextlib.suppress(OSError):
            path.parent.rmdir()


def pack(state: State, position: int, *, velocity: bool) -> bytes:
    """One network of a state: all its tensors by name, and what the optimiser remembers of each.

    Raises `RequestError` for a type that files of tensors do not have.
    """
    for name, tensor in state.networks.tensors.items():
        if tensor.dtype == torch.complex128:
            raise RequestError("network", f"{name} of complex128", "no file can keep it; complex64 is kept")
    parts = [("", state.networks)]
    if velocity:
        parts += [(_VELOCITY, state.velocity)]
        parts += [(_SQUARES, state.squares)] if state.squares is not None else []
    return save(
        {
            prefix + name: tensor[position].detach().cpu().contiguous()
            for prefix, networks in parts
            for name, tensor in networks.tensors.items()
        }
    )


def unpack(content: bytes, step: int, architecture: Architecture | None = None) -> State:
    """A batch of one from a file: a shallow network, whose file says all of it, or of an architecture.

    Raises `Damaged` where the tensors are not such a network's.
    """
    try:
        tensors = {name: tensor[None] for name, tensor in load(content).items()}
        if architecture is None:
            architecture = shallow_architecture(tensors["w_in"].shape[1], tensors["w_out"].shape[1])
        networks = _networks(architecture, {name: tensors[name] for name in architecture.names})
        if not any(_VELOCITY + name in tensors for name in architecture.trainable):
            return State(networks, step)
        velocity = _remembered(networks, _VELOCITY, tensors)
        adam = any(_SQUARES + name in tensors for name in architecture.trainable)
        return State(networks, step, velocity, _remembered(networks, _SQUARES, tensors) if adam else None)
    except (SafetensorError, LookupError, ValueError) as error:
        raise Damaged(f"not a network of this store ({error})") from error


def _remembered(networks: Networks, prefix: str, tensors: dict[str, torch.Tensor]) -> Networks:
    """Raises `ValueError` where it is unlike the weights."""
    found = {name: tensors[prefix + name] for name in networks.architecture.trainable}
    if any(networks[name].shape != tensor.shape for name, tensor in found.items()):
        raise ValueError(f"weights and {prefix.rstrip('_')} differ in shape")
    if any(tensor.dtype not in _FLOATING for tensor in found.values()):
        raise ValueError(f"{prefix.rstrip('_')} must be of floating numbers")
    return networks.like(found)


def _networks(architecture: Architecture, tensors: dict[str, torch.Tensor]) -> Networks:
    """Raises `ValueError` where the tensors have other shapes than the module's, or are other numbers."""
    for name, expected in own_tensors(architecture.module).items():
        kinds = _FLOATING if expected.is_floating_point() else (expected.dtype,)
        if tensors[name].dtype not in kinds:
            raise ValueError(f"{name} of {tensors[name].dtype}")
        found, needed = tensors[name].shape[1:], expected.shape
        if len(found) != len(needed) if architecture.shape is None else found != needed:
            raise ValueError(f"{name} of shape {tuple(found)}")
    return Networks(architecture, tensors)
