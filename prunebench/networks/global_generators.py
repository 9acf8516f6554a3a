"""The global generators of Python, NumPy and torch: what is computed of seeds must not depend on them."""

import pickle
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import numpy as np
import torch

T = TypeVar("T")


def generator_states() -> tuple[object, ...]:
    """Where they stand, to be compared: whoever draws moves one."""
    of_numpy = np.random.get_state()  # noqa: NPY002 (the generator that others draw from)
    return torch.get_rng_state().numpy().tobytes(), random.getstate(), pickle.dumps(of_numpy)


@contextmanager
def global_generators_kept(device: torch.device) -> Iterator[None]:
    """Put them back as they were, those of the device too: nobody's numbers shift another's."""
    states = random.getstate(), np.random.get_state()  # noqa: NPY002 (to restore it)
    try:
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])  # noqa: NPY002


def seed_torch(seed: int, device: torch.device) -> None:
    """Torch's generator of the CPU, and that of the device; `torch.manual_seed` seeds those of all GPUs."""
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        with torch.cuda.device(device):
            torch.cuda.manual_seed(seed)


def by_global_seeds(compute: Callable[[], T], device: torch.device) -> list[T]:
    """What is computed where all of them begin at 1, and where at 2; they are put back."""
    found = []
    with global_generators_kept(device):
        for seed in (1, 2):
            random.seed(seed)
            np.random.seed(seed)  # noqa: NPY002 (the very generator that must not be used)
            seed_torch(seed, device)
            found.append(compute())
    return found
