"""One snapshot of reference networks, for scores that are computed elsewhere."""

from prunebench.benchmark.networks import reference_networks
from prunebench.benchmark.plan import Plan
from prunebench.benchmark.reporter import Reporter
from prunebench.device import resolve_device
from prunebench.store.provenance import environment
from prunebench.store.store import Store
from prunebench.training.snapshot import Snapshot


def take_snapshot(
    plan: Plan, store: Store, reporter: Reporter | None = None, *, force: bool = False
) -> Snapshot:
    """The networks of a plan at its first step, without the end of their training.

    They come from `store`; what is missing there, with `force` all, is trained and kept. Raises as
    `reference_networks` does.
    """
    reporter = reporter or Reporter()
    made = environment(resolve_device(plan.device)) | {"command": plan.command}
    with store.claimed(plan.training):
        announce_networks(plan, store, reporter, force=force)
        store.register(plan.training, plan.task, plan.recipe, plan.until_loss)
        run = reference_networks(plan, tuple(plan.seeds), store, made, reporter, again=force)
    return run.snapshot(plan.steps[0])


def announce_networks(plan: Plan, store: Store, reporter: Reporter, *, force: bool = False) -> None:
    """Say which of the networks are there and what is to be trained."""
    kept = {} if force else store.trained(plan.training)
    untrained = [seed for seed in plan.seeds if seed not in kept]
    if len(untrained) < len(plan.seeds):
        reporter.plan(f"in the store: {len(plan.seeds) - len(untrained)} of {len(plan.seeds)} networks")
    if untrained:
        reporter.plan(
            f"train {len(untrained)} networks of {plan.recipe.width} neurons for {plan.recipe.steps:,} steps "
            f"on {plan.task.name} ({plan.task.samples} samples of {plan.task.inputs} inputs) "
            f"on {resolve_device(plan.device)}"
        )
