"""What is set for all code of a process: what one scorer changes of it must not reach the next."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import torch

from prunebench.errors import PrunebenchError
from prunebench.networks.global_generators import global_generators_kept


@contextmanager
def surroundings_kept(device: torch.device) -> Iterator[None]:
    """Put back as they were: the global generators, torch's and NumPy's settings, environment variables."""
    defaults, threads, environment = _defaults(), torch.get_num_threads(), dict(os.environ)
    deterministic = _deterministic()
    try:
        with (
            global_generators_kept(device),
            torch.set_grad_enabled(torch.is_grad_enabled()),
            np.errstate(),
        ):
            yield
    finally:  # what is as it was is not set: each of these takes time, and reaches other threads
        _restore(defaults)
        if torch.get_num_threads() != threads:
            torch.set_num_threads(threads)
        if _deterministic() != deterministic:
            torch.use_deterministic_algorithms(deterministic[0], warn_only=deterministic[1])
        if os.environ != environment:
            os.environ.clear()
            os.environ.update(environment)


@contextmanager
def defaults_unchanged() -> Iterator[None]:
    """Raises `PrunebenchError` where torch's defaults were changed, and puts them back.

    Around what imports a file of plugins: in Python it would set them for all that is beside it.
    """
    before = _defaults()
    try:
        yield
    finally:
        changed = _restore(before)
    if changed:
        raise PrunebenchError(f"it sets {' and '.join(changed)} as it is imported; do so in score()")


def _defaults() -> dict[str, Any]:
    """What torch takes where nothing is said, by its name."""
    try:
        device = torch.get_default_device()
    except AttributeError:  # torch 2.6, where one was set and is no more
        device = torch.device("cpu")
    except Exception:  # it makes a tensor there, and there may be no such device
        device = None
    return {
        "torch's default type": torch.get_default_dtype(),
        "torch's default device": device,
        "whether gradients are recorded": torch.is_grad_enabled(),
        "whether denormals are 0": _flushes(),
    }


def _restore(before: dict[str, Any]) -> list[str]:
    """Set what is not as it was; its names."""
    dtype, device, gradients, flushes = before.values()
    set_again: list[Callable[[], object]] = [
        partial(torch.set_default_dtype, dtype),
        partial(torch.set_default_device, None if device is None or device.type == "cpu" else device),
        partial(torch.set_grad_enabled, gradients),
        partial(torch.set_flush_denormal, flushes),
    ]
    after, changed = _defaults(), []
    for name, restore in zip(before, set_again, strict=True):
        if before[name] != after[name]:
            restore()
            changed.append(name)
    return changed


def _deterministic() -> tuple[bool, bool]:
    return (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
    )


def _flushes() -> bool:
    """Whether numbers too small for all their digits are 0, which torch does not say."""
    return not torch.full((1,), 1e-38, dtype=torch.float32, device="cpu").mul_(0.1).item()
