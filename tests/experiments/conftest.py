"""A laboratory whose networks train in a blink."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import prunebench as pb
from prunebench.benchmark.reporter import Reporter
from prunebench.experiments.lab import Lab
from prunebench.experiments.setting import Setting
from prunebench.store import reference
from prunebench.store.store import Store

TINY = Setting(
    name="tiny",
    samples=40,
    width=12,
    sizes=(20, 40),
    curve_sizes=(20, 40),
    widths=(4, 12),
    scales=(1e-3, 0.1),
    rates=(0.02, 0.04),
    steps=300,
    most_steps=300,
    early=(5, 10, 20),
    sparsities=(0.5,),
    probes=(50, 100),
    seeds=(0, 1),
)


def toy(samples: int) -> pb.Task:
    """Two noisy classes of 6 inputs."""
    draw = np.random.default_rng(samples)
    y = torch.arange(samples + 30) % 2
    x = torch.from_numpy(draw.normal(size=(samples + 30, 6)).astype(np.float32))
    x[:, 0] += 1.5 - 3.0 * y
    return pb.Task(x[:samples], y[:samples], x[samples:], y[samples:], name="toy")


@pytest.fixture(scope="session")
def make_lab() -> Iterator[Callable[..., Lab]]:
    """With the store in this folder, or in memory."""
    with contextlib.ExitStack() as stores:

        def make(folder: Path | None = None, load: Callable[[int], pb.Task] = toy, **options: Any) -> Lab:
            return Lab(TINY, load, stores.enter_context(Store(folder)), "cpu", **options)

        yield make


@pytest.fixture(scope="session")
def lab(make_lab: Callable[..., Lab], tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """One for all tests: what one experiment trained the others find."""
    return make_lab(tmp_path_factory.mktemp("store"))


class Listener(Reporter):
    """Remembers what it hears; interrupts at the end of training number `stop_at`."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.steps: list[tuple[int, int]] = []
        self.stop_at = 0

    def plan(self, text: str) -> None:
        self.lines.append(text)

    def warn(self, text: str) -> None:
        self.lines.append(text)

    def progress(self, stage: str, done: int, total: int, *_: object) -> None:
        if stage == "training":
            self.steps.append((done, total))
            if done == total and sum(done == total for done, total in self.steps) == self.stop_at:
                raise KeyboardInterrupt


@pytest.fixture
def listener() -> Listener:
    return Listener()


@pytest.fixture
def trainings(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows by one with every training of whole networks."""
    calls: list[int] = []

    def counted(*args: Any, **options: Any) -> pb.Trajectory:
        calls.append(1)
        return pb.train(*args, **options)

    monkeypatch.setattr(reference, "train", counted)
    return calls
