"""How long work may take, by what like work in the store took.

Every training, scoring and measuring that the store holds is an example with its size: networks times steps,
neurons, inputs and samples. Work that is s times as large takes between once and s times as long, so each
example of its kind bounds the time of new work from below and above, and the one of nearly the same size
bounds it closely. Where the bounds of the whole lie too far apart, the answer is that nobody knows.
"""

import math
from collections import Counter, defaultdict
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch

from prunebench.benchmark.missing import Missing
from prunebench.benchmark.plan import ACCURACY_DRAWS, Plan, asked_at, draws_of
from prunebench.device import device_name
from prunebench.evaluation.protocols import LABELS, TRAINED
from prunebench.store.store import Store
from prunebench.store.timings import PRUNE_EARLY, SCORER, TRAINING, UNTIL_LOSS, newest_timings

# Bounds so far apart leave their middle wrong by a factor of 2.
WIDEST = 4.0
# The examples that bound equally well, up to this, have their say; of them so many of the newest.
AS_GOOD, NEWEST = 1.1, 5
# So many kinds of work that was never timed are named.
NAMED = 3
# How many networks are trained, scored or measured, by the kind of work and the step.
Work = dict[tuple[str, int], float]


@dataclass(frozen=True)
class Estimate:
    """Seconds that work takes at least and at most.

    Attributes:
        unseen: kinds of work in it of which there is no example.
    """

    low: float = 0.0
    high: float = 0.0
    unseen: tuple[str, ...] = ()

    def __add__(self, other: "Estimate") -> "Estimate":
        unseen = tuple(dict.fromkeys(self.unseen + other.unseen))
        return Estimate(self.low + other.low, self.high + other.high, unseen)

    @property
    def seconds(self) -> float | None:
        """At most wrong by a factor of 2 if the bounds hold; None where nobody knows."""
        if self.unseen or self.high > WIDEST * self.low:
            return None
        return math.sqrt(self.low * self.high)

    def __str__(self) -> str:
        """`40 s`, or `unknown` with the reason."""
        if self.seconds is not None:
            return duration(self.seconds)
        if not self.high:
            return "unknown (nothing was timed here before)"
        if self.unseen:
            return f"unknown (not timed here before: {self._named()})"
        return "unknown (nothing of about this size was timed here before)"

    def _named(self) -> str:
        """What was not seen, the first of it by name."""
        more = len(self.unseen) - NAMED
        return ", ".join(self.unseen[:NAMED]) + (f" and {more} more" if more > 0 else "")


def duration(seconds: float) -> str:
    """`40 s`, `12 min`, `3.5 h`."""
    if seconds < 90:
        return f"{math.ceil(seconds)} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


class Timings:
    """What a store's newest work on this device took."""

    def __init__(self, store: Store, device: torch.device, threads: int | None = None) -> None:
        """For work with so many threads; by default with those that torch has here."""
        self._threads = threads or torch.get_num_threads()
        found = defaultdict[str, list[tuple[float, float]]](list)
        for kind, size, seconds in newest_timings(store, device_name(device), ACCURACY_DRAWS):
            found[kind].append((size, seconds))
        self._examples = {kind: np.array(examples).T for kind, examples in found.items()}
        self._estimate = cache(self._bounds)

    def total(self, plan: Plan, work: Work) -> Estimate:
        """For the missing part of a plan."""
        size = size_of(plan) / self._threads
        of = "" if plan.recipe.network is None else f" of {plan.recipe.network_spec}"
        parts = (self._estimate(kind + of, size * count) for (kind, _), count in work.items())
        return sum(parts, Estimate())

    def _bounds(self, kind: str, size: float) -> Estimate:
        """For one piece of work. Narrow networks take no longer to train than others.

        To ask a scorer again takes as long as it took to ask it, if it is done, which no history is sure of.
        """
        if kind.startswith(LABELS) and kind not in self._examples:
            return Estimate(0.0, self._estimate(SCORER + kind.removeprefix(LABELS).lstrip(), size).high)
        early = kind.startswith(PRUNE_EARLY) and kind not in self._examples
        like = TRAINING + kind.removeprefix(PRUNE_EARLY) if early else kind
        if like not in self._examples:
            return Estimate(unseen=(kind,))
        sizes, seconds = self._examples[like]
        ratio = size / sizes
        spread = np.maximum(ratio, 1 / ratio)
        best = np.flatnonzero(spread <= AS_GOOD * spread.min())[:NEWEST]
        low, high = (np.median(end(ratio[best], 1) * seconds[best]) for end in (np.minimum, np.maximum))
        return Estimate(float(low), float(high))


def size_of(plan: Plan) -> int:
    """What the time of all work on one of a plan's networks goes with."""
    recipe, task = plan.recipe, plan.task
    images = task.samples + len(task.x_test)
    width = recipe.width if recipe.network is None else 1  # networks of one kind compare with each other
    return recipe.steps * recipe.batch_size * width * task.inputs * images


def twins_to_train(plan: Plan, missing: Missing) -> dict[int, int]:
    """How many twins of single networks are to be trained from each step; its scorers share them."""
    twins = {
        (key.step, seed, number)
        for key, seeds in missing.unscored.items()
        for seed in seeds
        for number in range(plan.scored[key].twins)
    }
    return dict(sorted(Counter(step for step, *_ in twins).items()))


def work_of(plan: Plan, missing: Missing) -> Work:
    """The pieces of work that the missing part of a plan is made of."""
    work: Work = defaultdict(float)
    for steps in missing.steps.values():
        until_loss = plan.recipe.until_loss is not None and steps == plan.recipe.steps
        work[UNTIL_LOSS if until_loss else TRAINING, 0] += steps / plan.recipe.steps
    asked = ((asked_at(key, plan.scored[key]), s) for key, seeds in missing.unscored.items() for s in seeds)
    for key, _ in dict.fromkeys(asked):
        work[SCORER + key.scorer, key.step] += 1
    for step, networks in twins_to_train(plan, missing).items():
        work[TRAINING, 0] += networks * (1 - step / plan.recipe.steps)
    for key, lacking in missing.measures.items():
        draws = draws_of(plan.scored.get(key), ACCURACY_DRAWS)
        for measure in (measure for measures in lacking.values() for measure in measures):
            kind = f"{LABELS} {key.scorer}" if measure.name == LABELS else measure.protocol
            work[kind, key.step] += draws if measure.name in TRAINED else 1
    return work


def trainings_in(work: Work) -> float:
    """How many networks are trained in it, narrow ones too."""
    kinds = (TRAINING, UNTIL_LOSS, PRUNE_EARLY)
    return math.fsum(count for (kind, _), count in work.items() if kind.startswith(kinds))
