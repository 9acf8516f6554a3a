"""Cells that fail: how often they are tried, and what is kept of it."""

from prunebench.benchmark.plan import Plan
from prunebench.device import resolve_device
from prunebench.errors import PrunebenchError
from prunebench.store.provenance import environment
from prunebench.store.store import Store

# What goes wrong by chance (memory, a machine) is tried this often; what the request makes go wrong, once.
ATTEMPTS = 3


def record_failure(plan: Plan, store: Store, error: str, attempts: int) -> None:
    """Keep why a cell could not be done."""
    store.register(plan.training, plan.task, plan.recipe)
    made = environment(resolve_device(plan.device)) | {"command": plan.command}
    store.put_failure(plan.training, error, attempts, made)


def in_words(error: BaseException) -> str:
    """One line for a person."""
    text = " ".join(str(error).split())
    return text if isinstance(error, PrunebenchError) else f"{type(error).__name__}: {text}"
