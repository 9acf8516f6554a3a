"""Saying what is about to be done, before it is done."""

from prunebench.benchmark.estimate import Timings, work_of
from prunebench.benchmark.missing import Missing
from prunebench.benchmark.plan import ACCURACY_DRAWS, Plan
from prunebench.benchmark.reporter import Reporter
from prunebench.device import resolve_device
from prunebench.evaluation.fractions import kept_count
from prunebench.store.store import Store
from prunebench.store.timings import PRUNE_EARLY


def announce(plan: Plan, missing: Missing, store: Store, reporter: Reporter, *, force: bool = False) -> None:
    """Say what is there already, what is to be done, and how long it may take."""
    recipe, task, device = plan.recipe, plan.task, resolve_device(plan.device)
    total = len(plan.wanted) * len(plan.seeds)
    to_do = sum(len(seeds) for seeds in missing.values())
    if to_do < total:
        reporter.plan(f"in the store: {total - to_do:,} of {total:,} results; to compute: {to_do:,}")
    if not missing:
        return
    seeds = {seed for lacking in missing.values() for seed in lacking}
    untrained = seeds if force else seeds - set(store.trained(plan.training))
    reporter.plan(
        f"train {len(untrained)} networks of {recipe.width} neurons for {recipe.steps:,} steps "
        f"on {task.name} ({task.samples} samples of {task.inputs} inputs) on {device}"
    )
    keys = [key for key in plan.scored if key in missing]
    if keys:
        names = ", ".join(dict.fromkeys(key.scorer for key in keys))
        reporter.plan(f"score with {names} at step {', '.join(dict.fromkeys(str(k.step) for k in keys))}")
    work = work_of(plan, missing, store, force=force)
    if narrow := sum(
        int(count) for (kind, step), count in work.items() if kind == PRUNE_EARLY and step < recipe.steps
    ):
        choices = sum(ACCURACY_DRAWS if scorer.stochastic else 1 for scorer in plan.with_controls()) + 1
        counts = ", ".join(str(kept_count(recipe.width, f)) for f in plan.fractions)
        reporter.plan(
            f"prune_early: from each of {len(plan.steps)} steps, retrain {choices} choices of {counts} "
            f"neurons for {len(plan.seeds)} seeds: {narrow:,} narrow networks are to be trained"
        )
    reporter.plan(f"estimated time: {Timings(store, device).total(plan, work)}")
