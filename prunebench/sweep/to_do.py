"""What of a sweep is done, what is to do, and how long that may take."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch

from prunebench.benchmark.estimate import Estimate, Timings, size_of, trainings_in, work_of
from prunebench.benchmark.missing import find_missing, inventory_of
from prunebench.benchmark.plan import Plan
from prunebench.benchmark.reporter import Reporter
from prunebench.benchmark.sizes import multiply_adds_of
from prunebench.device import resolve_device, slow_because
from prunebench.store.store import Store
from prunebench.sweep.study import Job
from prunebench.words import plural


@dataclass(frozen=True, eq=False)
class ToDo:
    """A job with its plan.

    Attributes:
        results, lacking: how many results it has in all, and how many are not in the store.
        untrained: the seeds of networks that are to be trained from the start.
        trainings: how many networks are to be trained, from any step, narrow ones and twins too.
        estimate: how long these take, by what other work took.
    """

    job: Job
    plan: Plan
    results: int
    lacking: int
    untrained: frozenset[int]
    trainings: float
    estimate: Estimate

    @cached_property
    def weight(self) -> int:
        """About how long it takes, in a unit that is the same for all jobs of a study.

        What is s times as large takes between once and s times as long: the root is the middle of that.
        """
        if not self.lacking:
            return 0
        plan = self.plan
        size = size_of(plan) * (len(plan.seeds) + self.trainings)
        if plan.recipe.network is not None:  # that size compares networks of one kind
            size *= multiply_adds_of(plan.architecture) / plan.task.inputs
        return math.isqrt(int(size)) * self.lacking // self.results

    def content(self) -> dict[str, Any]:
        """As JSON has it."""
        seconds = self.estimate.seconds if self.lacking else 0.0
        counts = {"results": self.results, "lacking": self.lacking, "networks": len(self.untrained)}
        return {"job": self.job.title, **counts, "seconds": seconds}


def find_to_do(
    jobs: Sequence[tuple[Job, Plan]], store: Store, *, force: bool = False, workers: int = 1
) -> list[ToDo]:
    """The jobs with what the store lacks of them; `workers` share the cores."""
    device = resolve_device(jobs[0][1].device if jobs else "auto")
    timings = Timings(store, device, max(1, torch.get_num_threads() // workers))
    items = []
    for job, plan in jobs:
        missing = find_missing(plan, inventory_of(plan, store, force=force))
        work = work_of(plan, missing)
        untrained = frozenset(s for s, steps in missing.steps.items() if steps == plan.recipe.steps)
        count = len(plan.wanted) * len(plan.seeds)
        estimate = timings.total(plan, work)
        items.append(ToDo(job, plan, count, missing.count, untrained, trainings_in(work), estimate))
    return items


def describe(items: Sequence[ToDo], reporter: Reporter, *, each: bool = False, workers: int = 1) -> None:
    """Say it; with `each`, job by job."""
    for item in items if each else ():
        to_do = f"{item.lacking:,} of {item.results:,} to compute" if item.lacking else "done"
        reporter.plan(f"{item.job.title}: {to_do}")
    total, lacking = sum(item.results for item in items), sum(item.lacking for item in items)
    unfinished = sum(item.lacking > 0 for item in items)
    text = f"{plural(len(items), 'job')}, {unfinished} of them to compute; "
    text += f"{total - lacking:,} of {total:,} results are in the store"
    untrained = {(item.plan.training, seed) for item in items for seed in item.untrained}
    text += f"; networks to train: {len(untrained):,}" if untrained else ""
    time = f"; estimated time: {_shared([item.estimate for item in items], workers)}" if unfinished else ""
    reporter.plan(text + time)
    on_cpu = any(resolve_device(item.plan.device).type == "cpu" for item in items if item.lacking)
    if on_cpu and (reason := slow_because()) is not None:
        reporter.plan(reason)


def _shared(estimates: Sequence[Estimate], workers: int) -> Estimate:
    """How long jobs take that workers share among themselves, none of them split."""
    total = sum(estimates, Estimate())
    longest = max(estimates, key=lambda estimate: estimate.high, default=Estimate())
    low, high = max(total.low / workers, longest.low), max(total.high / workers, longest.high)
    return Estimate(low, high, total.unseen)
