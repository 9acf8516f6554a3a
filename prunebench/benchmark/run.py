"""Running a plan: what is in the store is taken from there, and what is missing is done."""

from contextlib import nullcontext

from prunebench.benchmark.announce import announce
from prunebench.benchmark.document import document
from prunebench.benchmark.missing import find_missing, forget_damage, inventory_of
from prunebench.benchmark.plan import Plan
from prunebench.benchmark.reporter import Reporter
from prunebench.benchmark.work import Work
from prunebench.errors import RequestError
from prunebench.results import Document
from prunebench.store.integrity import check_structure
from prunebench.store.inventory import Inventory
from prunebench.store.network_files import Damaged
from prunebench.store.provenance import environment
from prunebench.store.records import Environment
from prunebench.store.store import Store


def run_plan(
    plan: Plan, reporter: Reporter | None = None, store: Store | None = None, *, force: bool = False
) -> Document:
    """Run a plan and return the result document; a scorer that fails is a row with its error.

    What `store` holds is taken from there, and what is new is kept there as soon as it is measured; `force`
    computes everything again. Without a store nothing is kept. Two processes never compute the same networks'
    results at once: one waits. Raises `PrunebenchError` where a network's training diverged, `RequestError`
    where the plan cannot be run, as with a scorer that cannot take its networks.
    """
    check_fit(plan)
    with nullcontext(store) if store is not None else Store() as opened, opened.claimed(plan.training):
        found = complete(plan, opened, reporter, force=force, announced=False)
        opened.forget_failure(plan.training)
        return found


def complete(
    plan: Plan, store: Store, reporter: Reporter | None = None, *, force: bool = False, announced: bool = True
) -> Document:
    """As `run_plan`, for a caller who has claimed the training, and may have said what is to be done.

    Scorers that cannot take the plan's networks have rows that say so.
    """
    reporter = reporter or Reporter()
    made = environment(plan.device)
    store.register(plan.training, plan.task, plan.recipe)
    there = inventory_of(plan, store)
    if there.damaged:  # a row of which an index knows nothing would be written twice
        check_structure(store, references=False)
    forget_damage(there, store, reporter.warn)
    if force:
        there = Inventory()
    if not announced:
        announce(plan, find_missing(plan, there), store, reporter)
    try:
        return _completed(plan, there, store, reporter, made, again=force)
    except Damaged as damage:  # of a network that nothing but the document reads
        reporter.warn(f"{damage}; making it again")
        return _completed(plan, inventory_of(plan, store), store, reporter, made, again=False)


def _completed(
    plan: Plan, there: Inventory, store: Store, reporter: Reporter, made: Environment, *, again: bool
) -> Document:
    missing = find_missing(plan, there)
    if missing.measures:
        Work(plan, store, reporter, made | {"command": plan.command}, missing, again).do()
        there = inventory_of(plan, store)
    try:
        return document(plan, there, store, made)
    except KeyError:  # what was just written is not found again
        check_structure(store)
        raise


def check_fit(plan: Plan) -> None:
    """Raises `RequestError` for a scorer of the plan that cannot take its networks or its task."""
    for spec, reason in plan.unfit.items():
        raise RequestError("scorers", spec, f"it cannot take this: {reason}")


def dry_run(plan: Plan, reporter: Reporter, store: Store, *, force: bool = False) -> None:
    """Say what `run_plan` would do, and do none of it; raises as it does."""
    check_fit(plan)
    announce(plan, find_missing(plan, inventory_of(plan, store, force=force)), store, reporter)
