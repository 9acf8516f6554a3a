"""The reference networks of a plan, and one snapshot of them, for scores that are computed elsewhere."""

from prunebench.benchmark.announce import announce_training
from prunebench.benchmark.plan import Plan
from prunebench.benchmark.reporter import Reporter
from prunebench.store.inventory import Inventory, take_inventory
from prunebench.store.provenance import environment
from prunebench.store.records import Environment
from prunebench.store.reference import ReferenceNetworks
from prunebench.store.store import Store
from prunebench.training.snapshot import Snapshot
from prunebench.training.train import Trajectory


def networks_of(
    plan: Plan, seeds: tuple[int, ...], store: Store, made: Environment, reporter: Reporter, *, again: bool
) -> Trajectory:
    """The networks of these seeds at the steps of a plan whose training is claimed; `again` trains all."""
    wanted = ReferenceNetworks(
        store,
        plan.task,
        plan.recipe,
        seeds,
        plan.steps,
        together=plan.seeds,
        device=plan.device,
        made=made,
        progress=reporter.training,
        warn=reporter.warn,
    )
    return wanted.trajectory(again=again, claimed=True)


def take_snapshot(plan: Plan, store: Store, reporter: Reporter, *, force: bool) -> Snapshot:
    """The networks of a plan at its first step, without the end of their training.

    They come from `store`; what is missing there, with `force` all, is trained and kept. Raises as
    `ReferenceNetworks.trajectory` does.
    """
    made = environment(plan.device) | {"command": plan.command}
    with store.claimed(plan.training):
        announce_networks(plan, store, reporter, force=force)
        run = networks_of(plan, tuple(plan.seeds), store, made, reporter, again=force)
    return run.snapshot(plan.steps[0])


def announce_networks(plan: Plan, store: Store, reporter: Reporter, *, force: bool) -> None:
    """Say which of the networks are there and what is to be trained."""
    there = Inventory() if force else take_inventory(store, plan.training)
    untrained = [seed for seed in plan.seeds if seed not in there.trained]
    if len(untrained) < len(plan.seeds):
        reporter.plan(f"in the store: {len(plan.seeds) - len(untrained)} of {len(plan.seeds)} networks")
    if untrained:
        announce_training(plan, len(untrained), reporter)
