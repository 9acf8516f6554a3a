"""What is set for all code of a process: what one scorer changes of it must not reach the next."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

from prunebench.training.global_generators import global_generators_kept


@contextmanager
def surroundings_kept(device: torch.device) -> Iterator[None]:
    """Put back as they were: the global generators, torch's and NumPy's settings, environment variables."""
    dtype, threads, environment = torch.get_default_dtype(), torch.get_num_threads(), dict(os.environ)
    deterministic, where, flushes = _deterministic(), torch.get_default_device(), _flushes()
    try:
        with (
            global_generators_kept(device),
            torch.set_grad_enabled(torch.is_grad_enabled()),
            np.errstate(),
        ):
            yield
    finally:  # what is as it was is not set: each of these takes time, and reaches other threads
        if torch.get_default_dtype() != dtype:
            torch.set_default_dtype(dtype)
        if torch.get_num_threads() != threads:
            torch.set_num_threads(threads)
        if _deterministic() != deterministic:
            torch.use_deterministic_algorithms(deterministic[0], warn_only=deterministic[1])
        if torch.get_default_device() != where:
            torch.set_default_device(None if where.type == "cpu" else where)
        if _flushes() != flushes:
            torch.set_flush_denormal(flushes)
        if os.environ != environment:
            os.environ.clear()
            os.environ.update(environment)


def _deterministic() -> tuple[bool, bool]:
    return (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
    )


def _flushes() -> bool:
    """Whether numbers too small for all their digits are 0, which torch does not say."""
    return not torch.full((1,), 1e-38, dtype=torch.float32, device="cpu").mul_(0.1).item()
