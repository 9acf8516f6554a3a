"""Where the work runs."""

import os
import re
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import torch

from prunebench.errors import RequestError

# Load average per core from which a machine is called busy: what just ended here may have left 1.
_BUSY = 1.5


def resolve_device(given: str | torch.device = "auto") -> torch.device:
    """The device for `auto`, `cpu`, `cuda` or `cuda:N`; `auto` takes the first GPU where there is one."""
    name = str(given)
    if name == "auto":
        return torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
    if name == "cpu":
        return torch.device("cpu")
    if not re.fullmatch(r"cuda(:\d+)?", name):
        raise RequestError("device", name, "one of auto, cpu, cuda, cuda:N")
    if not torch.cuda.is_available():
        raise RequestError("device", name, "this machine has no CUDA device that torch can use; take cpu")
    index = int(name.partition(":")[2] or 0)
    if index >= torch.cuda.device_count():
        raise RequestError("device", name, f"CUDA devices here: 0 to {torch.cuda.device_count() - 1}")
    return torch.device("cuda", index)


def device_name(device: torch.device) -> str:
    """What it is called in records: the GPU's model, or `cpu`."""
    return str(torch.cuda.get_device_name(device)) if device.type == "cuda" else "cpu"


def finish(device: torch.device) -> None:
    """Wait until the device has done what it was asked for; a CPU has."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


# Of what, which, and its value.
Setting = tuple[Any, str, Any]
# What was set before each `full_precision` that is open, in whatever thread: of the first one, the caller's.
_before: list[list[Setting]] = []
_lock = threading.Lock()


@contextmanager
def full_precision() -> Iterator[None]:
    """Products and convolutions in true float32, whatever the caller has set: TF32 keeps only 10 bits.

    Torch's settings are of all threads: they change with the first that is here and back with the last.
    """
    with _lock:
        both = [(wanted, now) for wanted in _in_true_float32() if (now := _as_set(wanted)) is not None]
        _set(wanted for wanted, _ in both)
        _before.append([now for _, now in both])
    try:
        yield
    finally:
        with _lock:
            _set(_before.pop())


def _in_true_float32() -> list[Setting]:
    matmul = torch.backends.cuda.matmul
    cudnn: Any = torch.backends.cudnn  # whose parts have no types
    older = [(cudnn, "allow_tf32", False), (matmul, "allow_tf32", False)]
    if not hasattr(matmul, "fp32_precision"):  # before torch 2.9
        return older
    # After the older ones, which set them, too.
    return older + [(each, "fp32_precision", "ieee") for each in (matmul, cudnn.conv, cudnn.rnn)]


def _as_set(setting: Setting) -> Setting | None:
    """With its value; none of an older switch while newer ones are not alike, and it stays then."""
    owner, name, _ = setting
    with suppress(RuntimeError):
        return owner, name, getattr(owner, name)
    return None


def _set(settings: Iterable[Setting]) -> None:
    for owner, name, value in settings:
        setattr(owner, name, value)


@contextmanager
def torch_threads(count: int = 1) -> Iterator[None]:
    """So many threads of torch's own meanwhile.

    Small networks lose time on more than one, and the order of a sum's terms depends on them.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def slow_because() -> str | None:
    """Why work on this machine's CPU takes longer than it could; None where no reason is seen."""
    import joblib

    threads, cores = torch.get_num_threads(), joblib.cpu_count()  # those that a container allows
    if threads > cores:
        return f"torch has {threads} threads for {cores} cores, which is slow: set OMP_NUM_THREADS={cores}"
    load, there = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0, os.cpu_count() or 1
    if load > _BUSY * there:
        return f"this machine is busy (load average {load:.1f} on {there} cores): all takes longer"
    return None
