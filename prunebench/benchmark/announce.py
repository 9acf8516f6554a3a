"""Saying what is about to be done, before it is done."""

from prunebench.benchmark.estimate import Timings, twins_to_train, work_of
from prunebench.benchmark.missing import Missing
from prunebench.benchmark.plan import ACCURACY_DRAWS, Plan, draws_of
from prunebench.benchmark.reporter import Reporter
from prunebench.device import resolve_device, slow_because
from prunebench.evaluation.protocols import TRAINED
from prunebench.store.store import Store
from prunebench.store.timings import PRUNE_EARLY
from prunebench.words import plural


def announce(plan: Plan, missing: Missing, store: Store, reporter: Reporter) -> None:
    """Say what is there already, what is to be done, and how long it may take."""
    recipe, total = plan.recipe, len(plan.wanted) * len(plan.seeds)
    if missing.count < total:
        there = f"{total - missing.count:,} of {total:,}"
        reporter.plan(f"in the store: {there} results; to compute: {missing.count:,}")
    if not missing.measures:
        return
    announce_training(plan, sum(steps == recipe.steps for steps in missing.steps.values()), reporter)
    keys = [key for key in plan.scored if key in missing.measures]
    if keys:
        names = ", ".join(dict.fromkeys(key.scorer for key in keys))
        reporter.plan(f"score with {names} at step {', '.join(dict.fromkeys(str(k.step) for k in keys))}")
    if twins := twins_to_train(plan, missing):
        steps = ", ".join(map(str, twins))
        reporter.plan(
            f"train {plural(sum(twins.values()), 'twin')} to the end in another order, from step {steps}"
        )
    work = work_of(plan, missing)
    counts = ", ".join(str(plan.kept(fraction)) for fraction in plan.fractions)
    choices = sum(draws_of(scorer, ACCURACY_DRAWS) for scorer in plan.with_controls())
    at_steps = plural(len(plan.steps), "step")
    for protocol in TRAINED:
        trained = {step: int(count) for (kind, step), count in work.items() if kind.startswith(protocol)}
        what = f"for each of {at_steps}, {plural(plan.finetuned, 'step')} more of {choices} choices"
        if protocol == PRUNE_EARLY:
            trained.pop(recipe.steps, None)  # from the end on nothing is left to train
            what = f"from each of {at_steps}, retrain {choices + 1} choices"
        if networks := sum(trained.values()):
            reporter.plan(
                f"{protocol}: {what} of {counts} units for {plural(len(plan.seeds), 'seed')}: "
                f"{networks:,} narrow networks are to be trained"
            )
    device = resolve_device(plan.device)
    reporter.plan(f"estimated time: {Timings(store, device).total(plan, work)}")
    if device.type == "cpu" and (reason := slow_because()) is not None:
        reporter.plan(reason)


def announce_training(plan: Plan, networks: int, reporter: Reporter) -> None:
    """Say what so many trainings are."""
    recipe, task = plan.recipe, plan.task
    what = f"{recipe.width} neurons"
    if recipe.network is not None:
        layers = f" in {len(plan.units)} layers" if len(plan.units) > 1 else ""
        what = f"{recipe.network_spec} ({sum(plan.units)} units{layers})"
    data = f"{task.name} ({task.samples} samples of {plural(task.inputs, 'input')})"
    reporter.plan(
        f"train {plural(networks, 'network')} of {what} for {plural(recipe.steps, 'step')} "
        f"on {data} on {resolve_device(plan.device)}"
    )
