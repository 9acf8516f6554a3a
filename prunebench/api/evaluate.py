"""Scores that were computed elsewhere, measured: `pb.evaluate`."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from torch import Tensor

from prunebench.api.result import Result
from prunebench.api.several import several, some
from prunebench.benchmark.plan import Plan
from prunebench.benchmark.run import run_plan
from prunebench.errors import RequestError, check_type
from prunebench.evaluation.fractions import check_fractions
from prunebench.evaluation.protocols import CEILING, EVERY_ROW, LABELS, TRAINED, Protocol
from prunebench.run_spec import RunSpec
from prunebench.scoring.saved import saved_scores
from prunebench.store.provenance import environment
from prunebench.store.records import FINAL
from prunebench.store.store import Store
from prunebench.tasks.classes import is_whole
from prunebench.training.architecture import architecture_of
from prunebench.training.state import State
from prunebench.training.train import Trajectory

GivenScores = Tensor | np.ndarray


def evaluate(
    scores: GivenScores | Mapping[str, GivenScores],
    trajectory: Trajectory,
    *,
    at_step: int | None = None,
    protocols: Protocol | Iterable[Protocol] = EVERY_ROW,
    keep: Sequence[float] = RunSpec.keep,
) -> Result:
    """Measure scores that were computed elsewhere against networks of `pb.train`.

    The same is measured as of a scorer, beside the controls. Nothing is trained.

    Args:
        scores: (seeds, units), floating numbers, higher = keep; several by the names of their rows.
        at_step: the snapshot that they were computed at; may be left out where the trajectory has only one.
        protocols: those that train no network; `truths` has no controls of twins here.
        keep: shares of the units to keep; by default those of the kind of network.

    Raises:
        RequestError: scores of another shape, of whole numbers or that are not finite, a step that the
            trajectory has not kept, networks with other units than the recipe's.
    """
    check_type("trajectory", trajectory, Trajectory, "pb.train(...) gives it")
    task, recipe, seeds = trajectory.task, trajectory.recipe, trajectory.seeds
    named = scores if isinstance(scores, Mapping) else {"scores": scores}
    protocols = some("protocols", protocols, str)
    for protocol in protocols:
        if protocol in (*TRAINED, CEILING, LABELS):
            raise RequestError("protocols", protocol, "only pb.run_benchmark, with a scorer, measures it")
    _check_units(trajectory)
    scorers = [
        saved_scores(name, {"scores": _array(name, values)}, seeds, trajectory.final.units)
        for name, values in named.items()
    ]
    steps, device = [_step(at_step, trajectory)], str(trajectory.final.device)
    shares = check_fractions(several(keep, float), "keep")
    plan = Plan(task, recipe, scorers, steps, seeds, protocols, shares, device=device)
    plan = replace(plan, held=frozenset(key for key, scorer in plan.keys.items() if scorer.twins))
    with Store() as store:
        store.register(plan.training, task, recipe)
        # Not always the recipe's: `start`, which may be a later step, and `masks` of `pb.train`.
        first, initial = _first(trajectory), trajectory.initial
        start = {0: State(initial), first: State(initial, first)}
        end = {FINAL: State(trajectory.final, trajectory.gradient_steps)}
        states = start | {int(step): state for step, state in trajectory.states.items() if step > 0} | end
        made = environment(device)
        store.save_networks(plan.training, seeds, states, made, trajectory.history, trajectory.seconds)
        return Result.of(plan, run_plan(plan, store=store), store)


def _first(trajectory: Trajectory) -> int:
    return int(trajectory.history.steps[0])


def _check_units(trajectory: Trajectory) -> None:
    """Shares of units, and the names of boards, are of the recipe's networks."""
    task, networks = trajectory.task, trajectory.final
    wanted = architecture_of(trajectory.recipe, task.shape, task.outputs)
    found, needed = ({layer.name: layer.units for layer in each.layers} for each in (networks, wanted))
    if found != needed:
        raise RequestError("trajectory", found, f"networks with the recipe's units are needed: {needed}")


def _step(at_step: int | None, trajectory: Trajectory) -> int:
    there = sorted({_first(trajectory), *trajectory.states})
    if at_step is None and len(trajectory.states) == 1:
        return next(iter(trajectory.states))
    if not is_whole(at_step) or at_step not in there:
        raise RequestError("at_step", at_step, f"one of the steps {', '.join(map(str, there))} is needed")
    return at_step


def _array(name: str, values: Any) -> np.ndarray:
    try:
        if isinstance(values, Tensor):  # NumPy has no bfloat16
            values = values.detach().cpu()
            values = values.double() if values.is_floating_point() else values
        return np.asarray(values)
    except (TypeError, ValueError):  # of lists of unequal length, say
        raise RequestError("scores", name, "an array (seeds, units) is needed") from None
