"""Small problems, and the plain loop's answers to them, which several tests share."""

import random
from dataclasses import dataclass
from functools import cache

import torch

import prunebench as pb
from prunebench.networks import Networks
from prunebench.training.state import State
from prunebench.training.train import Trajectory

SEEDS = (3, 8)


@dataclass(frozen=True)
class Case:
    """One training. The learning rate is large, so that gates open and close and the outputs move."""

    samples: int = 30
    inputs: int = 40
    width: int = 7
    batch: int = 4
    momentum: float = 0.9
    steps: int = 500
    share: float | None = None  # of living weights; None: no masks
    stops: tuple[int, ...] = (0, 1, 7, 222, 223)
    learning_rate: float = 0.02
    record_every: int = 60

    @property
    def task(self) -> pb.Task:
        return random_task(self.samples, self.inputs)

    @property
    def recipe(self) -> pb.Recipe:
        return pb.Recipe(self.width, 0.1, self.learning_rate, self.momentum, self.batch, self.steps)

    @property
    def masks(self) -> Networks | None:
        if self.share is None:
            return None
        draw, share = torch.Generator().manual_seed(5), self.share
        every = pb.initialise(self.recipe, self.inputs, SEEDS).full_masks()
        return every.map(lambda mask: torch.rand(mask.shape, generator=draw) < share)

    def train(
        self, engine: str | None, dtype: torch.dtype, start: State | None = None, device: str = "cpu"
    ) -> Trajectory:
        stops = [stop for stop in self.stops if stop >= (start.step if start else 0)]
        return pb.train(
            self.task,
            self.recipe,
            seeds=SEEDS,
            snapshot_steps=stops,
            dtype=dtype,
            engine=engine,
            masks=self.masks,
            record_every=self.record_every,
            start=start,
            device=device,
        )


# Rounding grows with the steps: plain float32 itself is this far from float64.
TOLERANCE = {torch.float64: 1e-9, torch.float32: 2e-5}

# Dual and primal forms, smaller last minibatches, one sample at a time, the full batch, long and no momentum.
CASES = [
    Case(),
    Case(samples=90, inputs=12),
    Case(samples=33, batch=6, width=5, momentum=0.0),
    Case(samples=90, inputs=12, width=4, batch=7, momentum=0.0),
    Case(samples=50, inputs=60, batch=50, momentum=0.99),
    Case(samples=50, inputs=6, batch=50, momentum=0.99),
    Case(samples=20, inputs=5, width=1, batch=1, momentum=0.5),
    Case(samples=20, width=3, batch=1, momentum=0.5),
]
MASKED_CASES = [
    Case(share=0.5),
    Case(samples=33, inputs=50, width=8, batch=7, share=0.3),
    Case(samples=20, inputs=5, width=1, batch=1, momentum=0.0, share=0.7),
    Case(samples=10, width=4, batch=3, share=0.5, momentum=0.99),
]


def random_case(number: int, *, masked: bool) -> Case:
    """Widths up to 2,000 and minibatches from one sample to all, with stops anywhere."""
    draw = random.Random(number)
    samples, width = draw.randint(2, 60), round(2000 ** draw.random())
    steps = draw.randint(30, 60)
    return Case(
        samples,
        inputs=draw.randint(1, 90),
        width=width,
        batch=draw.choice([1, samples, draw.randint(1, samples)]),
        momentum=draw.choice([0.0, 0.3, 0.9, 0.99]),
        steps=steps,
        share=draw.random() if masked else None,
        stops=tuple(sorted(draw.sample(range(steps + 1), 4))),
        learning_rate=min(0.02, 0.2 / width),
        record_every=draw.randint(1, 15),
    )


@cache
def plain(case: Case, dtype: torch.dtype) -> Trajectory:
    """The definition's answer."""
    return case.train("plain", dtype)


def random_task(samples: int, inputs: int) -> pb.Task:
    draw = torch.Generator().manual_seed(samples * 1000 + inputs)
    x = torch.rand(samples + 5, inputs, generator=draw) * 2 - 1
    y = torch.arange(samples + 5) % 2
    return pb.Task(x[:samples], y[:samples], x[samples:], y[samples:])


def difference(a: Networks, b: Networks) -> float:
    """Largest difference in any tensor, relative to the tensor's largest number."""
    pairs = zip(a.to("cpu").tensors.values(), b.to("cpu").tensors.values(), strict=True)
    return max(float((p - q).abs().max() / q.abs().max().clamp(min=1e-30)) for p, q in pairs)


def assert_same(run: Trajectory, expected: Trajectory, tolerance: float) -> None:
    """Networks and velocities at every snapshot, the end and the curves agree."""
    for step, state in run.states.items():
        assert state.step == step
        assert difference(state.networks, expected.states[step].networks) <= tolerance
        assert difference(state.velocity, expected.states[step].velocity) <= tolerance
    assert difference(run.final, expected.final) <= tolerance
    here = torch.isin(run.history.steps, expected.history.steps)
    there = torch.isin(expected.history.steps, run.history.steps)
    assert here.any()
    for name in ("loss", "accuracy"):
        curve, reference = getattr(run.history, name)[:, here], getattr(expected.history, name)[:, there]
        torch.testing.assert_close(curve, reference, rtol=tolerance, atol=tolerance)
