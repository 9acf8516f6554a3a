"""Twins: the same networks trained on from a snapshot in another minibatch order (docs/protocols.md)."""

from collections.abc import Iterable

from prunebench.training.initial import TWIN_STREAM, generator
from prunebench.training.loop import LoopResult, run_loop
from prunebench.training.train import Trajectory


def twin_orders(seeds: Iterable[int], number: int) -> tuple[int, ...]:
    """What the minibatch orders of the seeds' twins are drawn from, in place of the seeds themselves.

    A twin of one `number` takes one order wherever it starts: those of a later step share their minibatches
    with those of an earlier one, so that the two differ by what was decided in between.
    """
    return tuple(int(generator(seed, TWIN_STREAM, number).integers(2**63)) for seed in seeds)


def train_twins(run: Trajectory, step: int, orders: tuple[int, ...]) -> LoopResult:
    """Train the networks of a snapshot step, weights and velocities, to the end in these orders."""
    return run_loop(run.task, run.recipe, run.states[step], orders, until=run.gradient_steps)
