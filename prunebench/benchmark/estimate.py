"""How long work may take, by what like work in the store took.

Every training, scoring and measuring that the store holds is an example with its size. A new piece of work is
held against the examples of its kind. Training takes a fixed time and a time per step; in everything else
(networks, neurons, inputs, ...) work that is s times as large takes between once and s times as long. So
each example bounds the new time from below and above, and the example of nearly the same size bounds it
closely. Where the bounds of the whole lie too far apart, the answer is that nobody knows.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float

from prunebench.benchmark.missing import Missing, batches
from prunebench.benchmark.plan import ACCURACY_DRAWS, DRAWS, Plan, asked_at
from prunebench.device import device_name
from prunebench.evaluation.fractions import kept_count
from prunebench.store.records import FINAL
from prunebench.store.store import Store

TRAINING, PRUNE_EARLY = "training", "prune_early"
# Bounds so far apart leave their middle wrong by a factor of 2.
WIDEST = 4.0
# The examples that bound equally well, up to this, have their say; of them so many of the newest.
AS_GOOD, NEWEST = 1.1, 5
# How many of the newest scorings are read, with all that belongs to them.
READ = 10_000


class Size(NamedTuple):
    """What the time of a piece of work goes with; 1 where it does not.

    Attributes:
        steps: gradient steps, in which the time is known to be a fixed and a proportional part.
        networks: trained or looked at side by side.
        samples: of training and test set, as far as they are looked at.
        parts: draws, and shares of neurons.
    """

    steps: float = 1.0
    networks: float = 1.0
    width: float = 1.0
    inputs: float = 1.0
    batch: float = 1.0
    samples: float = 1.0
    parts: float = 1.0


class Work(NamedTuple):
    """A piece of work of one kind: a training, `scorer NAME`, a protocol."""

    kind: str
    size: Size


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


@dataclass(frozen=True, eq=False)
class _Examples:
    """Of one kind, the newest first.

    Attributes:
        sizes: logarithms of what `Size` holds, and of the cores that shared the work, negative.
        fixed: no work of this kind took less, so no fixed part is larger.
    """

    sizes: Float[np.ndarray, "examples factors"]
    seconds: Float[np.ndarray, " examples"]
    fixed: float

    def bounds(self, size: Float[np.ndarray, " factors"]) -> tuple[float, float]:
        """The time of work of this size, at least and at most."""
        ratio = size - self.sizes
        steps = np.exp(ratio[:, 0])
        least, most = (np.exp(clip(ratio[:, 1:], 0).sum(axis=1)) for clip in (np.minimum, np.maximum))
        # fixed + rate * steps, where the fixed part lies between 0 and the least that was ever seen
        with_fixed = steps * self.seconds + (1 - steps) * self.fixed
        low = least * np.minimum(steps * self.seconds, with_fixed)
        high = most * np.maximum(steps * self.seconds, with_fixed)
        spread = high / low
        best = np.flatnonzero(spread <= AS_GOOD * spread.min())[:NEWEST]
        return float(np.median(low[best])), float(np.median(high[best]))


class Timings:
    """What a store's newest work on this device took."""

    def __init__(self, store: Store, device: torch.device, threads: int | None = None) -> None:
        """For work with so many threads; by default with those that torch has here."""
        self._threads = threads or torch.get_num_threads()
        found: dict[str, list[tuple[Size, float, int]]] = defaultdict(list)
        for query in (_TRAININGS, _SCORINGS, _MEASURINGS, _PRUNED_EARLY):
            values = {"final": FINAL, "read": READ, "device": device_name(device)}
            for kind, seconds, threads_then, *size in store.rows(query, values):
                if all(isinstance(value, int | float) for value in (seconds, threads_then, *size)):
                    found[kind].append((Size(*map(float, size)), seconds, threads_then))
        self._examples = {kind: self._stacked(examples) for kind, examples in found.items()}
        self._known: dict[Work, Estimate] = {}

    def trains(self, kind: str) -> bool:
        """Whether work of this kind took gradient steps."""
        return kind in self._examples and bool((self._examples[kind].sizes[:, 0] > 0).any())

    def estimate(self, work: Work) -> Estimate:
        """For one piece of work. Narrow networks train like any others."""
        if work not in self._known:
            kind = TRAINING if work.kind == PRUNE_EARLY and PRUNE_EARLY not in self._examples else work.kind
            if kind in self._examples:
                size = self._logarithms(work.size, self._threads)
                self._known[work] = Estimate(*self._examples[kind].bounds(size))
            else:
                self._known[work] = Estimate(unseen=(work.kind,))
        return self._known[work]

    def total(self, pieces: Iterable[Work]) -> Estimate:
        """For all of them, one after the other."""
        return sum((self.estimate(work) for work in pieces), Estimate())

    def _stacked(self, examples: list[tuple[Size, float, int]]) -> _Examples:
        sizes = np.stack([self._logarithms(size, threads) for size, _, threads in examples])
        seconds = np.array([seconds for _, seconds, _ in examples])
        return _Examples(sizes, seconds, float(seconds.min()))

    @staticmethod
    def _logarithms(size: Size, threads: int) -> Float[np.ndarray, " factors"]:
        return np.log([*size, 1 / threads])


def work_of(
    plan: Plan, missing: Missing, store: Store, timings: Timings, *, force: bool = False
) -> list[Work]:
    """The pieces of work that the missing part of a plan is made of."""
    return [
        *_trainings(plan, missing, store, force),
        *_scorings(plan, missing, store, timings, force),
        *_measurings(plan, missing),
    ]


def _trainings(plan: Plan, missing: Missing, store: Store, force: bool) -> Iterable[Work]:
    """Of networks that are not there, and on to steps at which they were not kept."""
    seeds = {seed for lacking in missing.values() for seed in lacking}
    kept: Mapping[int, set[int]] = {} if force else store.kept_steps(plan.training)
    steps: dict[int, int] = defaultdict(int)
    for seed in seeds:
        there = kept.get(seed, set())
        lacking = [step for step in plan.steps if step > 0 and step not in there]
        if FINAL not in there:
            steps[plan.recipe.steps] += 1
        elif lacking:
            nearest = max((step for step in there if 0 < step < lacking[0]), default=0)
            steps[lacking[-1] - nearest] += 1
    for count, networks in steps.items():
        yield Work(TRAINING, _sized(plan, networks, plan.recipe.width, count))


def _scorings(plan: Plan, missing: Missing, store: Store, timings: Timings, force: bool) -> Iterable[Work]:
    query = "SELECT step, scorer, version, source, seed FROM scorings WHERE training = ? AND error IS NULL"
    scored = set() if force else set(store.rows(query, [plan.training]))
    asked = {
        (asked_at(key, scorer), seed)
        for key, scorer in plan.scored.items()
        for seed in missing.get(key, {})
        if (*key, seed) not in scored
    }
    networks: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    for key, _ in asked:
        networks[key.scorer][key.step] += 1
    for scorer, by_step in networks.items():
        kind = f"scorer {scorer}"
        for count in by_step.values():
            size = _sized(plan, count, plan.recipe.width, plan.recipe.steps)
            if not timings.trains(kind):
                size = size._replace(steps=1.0, batch=1.0, samples=plan.task.samples)
            yield Work(kind, size)


def _measurings(plan: Plan, missing: Missing) -> Iterable[Work]:
    """Of every protocol; what prune_early trains at a step and a share trains side by side."""
    images = plan.task.samples + len(plan.task.x_test)
    narrow: dict[tuple[int, float], int] = defaultdict(int)
    for key, lacking in missing.items():
        scorer = plan.scored.get(key)
        draws = DRAWS if scorer is not None and scorer.stochastic else 1
        for measures, seeds in batches(lacking):
            parts: dict[str, int] = defaultdict(int)
            for measure in measures:
                if measure.protocol == PRUNE_EARLY:
                    narrow[key.step, float(measure.keep)] += min(draws, ACCURACY_DRAWS) * len(seeds)
                else:
                    parts[measure.protocol] += min(draws, ACCURACY_DRAWS)
            for protocol, count in parts.items():
                size = Size(1, len(seeds), plan.recipe.width, plan.task.inputs, 1, images, count)
                yield Work(protocol, size)
    for (step, keep), networks in narrow.items():
        if step < plan.recipe.steps:
            width = kept_count(plan.recipe.width, keep)
            yield Work(PRUNE_EARLY, _sized(plan, networks, width, plan.recipe.steps - step))


def _sized(plan: Plan, networks: int, width: int, steps: int) -> Size:
    return Size(steps, networks, width, plan.task.inputs, plan.recipe.batch_size)


# Each: kind, seconds, threads, and then what `Size` holds; the newest first.
_RECENT = """WITH recent AS (
    SELECT id, training, seed, step AS at, scorer, draws, extra_steps > 0 AS extra, seconds, provenance, error
    FROM scorings ORDER BY id DESC LIMIT :read)"""
_NAMED = """json_extract(recipe, '$.width') AS width, json_extract(task, '$.inputs') AS inputs,
    json_extract(recipe, '$.batch_size') AS batch, json_extract(recipe, '$.steps') AS steps,
    json_extract(task, '$.samples') AS samples, json_extract(task, '$.tests') AS tests"""
# A row that damage has left without JSON, or without numbers, says nothing here.
_OF_TRAINING = f"""JOIN (SELECT id AS training, until_loss, {_NAMED} FROM trainings
    WHERE json_valid(task) AND json_valid(recipe)) USING (training)"""
_THREADS = "json_extract(record, '$.threads')"
_HERE = """JOIN (SELECT id, record FROM provenance WHERE json_valid(record)) p
    ON p.id = made AND json_extract(record, '$.device') = :device"""
_TRAININGS = f"""{_RECENT}
    SELECT '{TRAINING}', sum(seconds) AS total, {_THREADS},
        iif(until_loss IS NULL, steps, max(json_extract(curves, '$.steps[#-1]'))),
        count(*), width, inputs, batch, 1, 1
    FROM (SELECT training, step, seconds, curves, provenance AS made FROM networks
        WHERE training IN (SELECT training FROM recent) AND step = :final AND json_valid(curves))
    {_OF_TRAINING} {_HERE} GROUP BY training, made HAVING total > 0 ORDER BY made DESC"""
_SCORINGS = f"""{_RECENT}
    SELECT 'scorer ' || scorer, sum(seconds * draws) AS total, {_THREADS},
        iif(extra, steps, 1), count(*), width, inputs, iif(extra, batch, 1), iif(extra, 1, samples), 1
    FROM (SELECT *, provenance AS made FROM recent WHERE error IS NULL)
    {_OF_TRAINING} {_HERE} GROUP BY training, scorer, at, made HAVING total > 0 ORDER BY made DESC"""
_RESULTS = "(SELECT scoring AS id, protocol, keep, seconds AS spent, provenance AS made FROM results)"
_MEASURINGS = f"""{_RECENT}
    SELECT protocol, sum(spent) AS total, {_THREADS},
        1, count(DISTINCT seed), width, inputs, 1, samples + tests,
        count(DISTINCT keep) * min(draws, {ACCURACY_DRAWS})
    FROM (SELECT * FROM recent JOIN {_RESULTS} USING (id) WHERE protocol != '{PRUNE_EARLY}')
    {_OF_TRAINING} {_HERE} GROUP BY training, scorer, at, protocol, made HAVING total > 0
    ORDER BY made DESC"""
_PRUNED_EARLY = f"""{_RECENT}
    SELECT protocol, sum(spent) AS total, {_THREADS},
        steps - at, sum(min(draws, {ACCURACY_DRAWS})), max(1, round(width * keep)), inputs, batch, 1, 1
    FROM (SELECT * FROM recent JOIN {_RESULTS} USING (id) WHERE protocol = '{PRUNE_EARLY}')
    {_OF_TRAINING} {_HERE} GROUP BY training, at, keep, made HAVING total > 0 AND steps > at
    ORDER BY made DESC"""
