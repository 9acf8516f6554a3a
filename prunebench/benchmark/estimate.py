"""How long work may take, by what like work in the store took.

Every training, scoring and measuring that the store holds is an example with its size. A new piece of work is
held against the examples of its kind. Training takes a fixed time and a time per step; in everything else
(networks, neurons, inputs, ...) work that is s times as large takes between once and s times as long. So
each example bounds the new time from below and above, and the example of nearly the same size bounds it
closely. Where the bounds of the whole lie too far apart, the answer is that nobody knows.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch

from prunebench.benchmark.missing import Missing
from prunebench.benchmark.plan import ACCURACY_DRAWS, Plan, asked_at
from prunebench.device import device_name
from prunebench.evaluation.fractions import kept_count
from prunebench.store.records import FINAL
from prunebench.store.store import Store
from prunebench.store.timings import PRUNE_EARLY, SCORER, TRAINING, Facts, newest_timings

# Bounds so far apart leave their middle wrong by a factor of 2.
WIDEST = 4.0
# The examples that bound equally well, up to this, have their say; of them so many of the newest.
AS_GOOD, NEWEST = 1.1, 5


class Work(NamedTuple):
    """A piece of work of one kind (a training, `scorer NAME`, a protocol) and its size; 1 where it has none.

    Attributes:
        steps: gradient steps, in which the time is known to be a fixed and a proportional part.
        networks: trained or scored side by side; what is measured one by one is as many pieces of work.
        images: of training and test set.
    """

    kind: str
    steps: float = 1
    networks: float = 1
    width: float = 1
    inputs: float = 1
    batch_size: float = 1
    images: float = 1


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
            return f"unknown (not timed here before: {', '.join(self.unseen)})"
        return "unknown (nothing of about this size was timed here before)"


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
        found = defaultdict[str, list[tuple[float, ...]]](list)
        for timed in newest_timings(store, device_name(device), ACCURACY_DRAWS):
            work, pieces = _sized(timed.kind, timed.facts, timed.networks, timed.at, timed.keep)
            example = (timed.seconds / pieces, *work[1:], 1 / timed.threads)
            if min(example) > 0:
                found[timed.kind].append(example)
        self._examples = {kind: np.log(examples) for kind, examples in found.items()}
        self._known: dict[Work, Estimate] = {}

    def total(self, pieces: Mapping[Work, int]) -> Estimate:
        """For all of them, one after the other; they are counted."""
        low, high, unseen = 0.0, 0.0, list[str]()
        for work, count in pieces.items():
            if work not in self._known:
                self._known[work] = self._estimate(work)
            each = self._known[work]
            low, high, unseen = low + count * each.low, high + count * each.high, [*unseen, *each.unseen]
        return Estimate(low, high, tuple(dict.fromkeys(unseen)))

    def _estimate(self, work: Work) -> Estimate:
        """For one piece of work. Narrow networks train like any others."""
        kind = TRAINING if work.kind == PRUNE_EARLY and PRUNE_EARLY not in self._examples else work.kind
        if kind not in self._examples:
            return Estimate(unseen=(work.kind,))
        took, sizes = self._examples[kind][:, 0], self._examples[kind][:, 1:]
        ratio = np.log((*work[1:], 1 / self._threads)) - sizes
        least, most = (np.exp(clip(ratio[:, 1:], 0).sum(axis=1)) for clip in (np.minimum, np.maximum))
        # fixed + rate * steps, where the fixed part lies between 0 and the least that was ever seen
        steps, seconds = np.exp(ratio[:, 0]), np.exp(took)
        with_fixed = steps * seconds + (1 - steps) * seconds.min()
        low = least * np.minimum(steps * seconds, with_fixed)
        high = most * np.maximum(steps * seconds, with_fixed)
        spread = high / low
        best = np.flatnonzero(spread <= AS_GOOD * spread.min())[:NEWEST]
        return Estimate(float(np.median(low[best])), float(np.median(high[best])))


def work_of(plan: Plan, missing: Missing, store: Store, *, force: bool = False) -> Counter[Work]:
    """The pieces of work that the missing part of a plan is made of."""
    query = "SELECT step, scorer, version, source, seed FROM scorings WHERE training = ? AND error IS NULL"
    scored = set() if force else set(store.rows(query, [plan.training]))
    asked = dict.fromkeys(
        (asked_at(key, scorer), seed)
        for key, scorer in plan.scored.items()
        for seed in missing.get(key, {})
        if (*key, seed) not in scored
    )
    networks = Counter[tuple[str, int, float]]()  # of a kind, at a step, and for a share of the neurons
    for steps in _training_steps(plan, missing, {} if force else store.kept_steps(plan.training)):
        networks[TRAINING, plan.recipe.steps - steps, 1.0] += 1
    for key, _ in asked:
        networks[SCORER + key.scorer, key.step, 1.0] += 1
    for key, lacking in missing.items():
        scorer = plan.scored.get(key)
        draws = ACCURACY_DRAWS if scorer is not None and scorer.stochastic else 1
        for protocol, keep in (measure for measures in lacking.values() for measure in measures):
            if protocol == PRUNE_EARLY:
                networks[protocol, key.step, float(keep)] += draws
            else:
                networks[protocol, 0, 1.0] += 1
    task, recipe = plan.task, plan.recipe
    images = task.samples + len(task.x_test)
    facts = Facts(recipe.steps, recipe.width, recipe.batch_size, task.inputs, images)
    found = Counter[Work]()
    for (kind, at, share), count in networks.items():
        work, pieces = _sized(kind, facts, count, at, share)
        if work.steps > 0:
            found[work] += pieces
    return found


def _training_steps(plan: Plan, missing: Missing, kept: Mapping[int, set[int]]) -> Iterator[int]:
    """Of networks that are not there, and on to steps at which they were not kept."""
    for seed in {seed for lacking in missing.values() for seed in lacking}:
        there = kept.get(seed, set())
        lacking = [step for step in plan.steps if step > 0 and step not in there]
        if FINAL not in there:
            yield plan.recipe.steps
        elif lacking:
            yield lacking[-1] - max((step for step in there if 0 < step < lacking[0]), default=0)


def _sized(kind: str, facts: Facts, networks: int, at: int, keep: float) -> tuple[Work, int]:
    """Work of a kind on so many networks, and in how many pieces it is done.

    A scorer may train or look at the images; which it does is not known.
    """
    steps, width, batch_size, inputs, images = facts
    if kind in (TRAINING, PRUNE_EARLY):
        return Work(kind, steps - at, networks, kept_count(width, keep), inputs, batch_size), 1
    if kind.startswith(SCORER):
        return Work(kind, steps, networks, width, inputs, batch_size, images), 1
    return Work(kind, width=width, inputs=inputs, images=images), networks
