"""Trying a job: how often, what is given up, and what is kept of a job that failed."""

import time
from dataclasses import dataclass

from prunebench.benchmark.plan import Plan
from prunebench.benchmark.reporter import Reporter
from prunebench.benchmark.run import complete
from prunebench.errors import PrunebenchError, in_words
from prunebench.results import Document
from prunebench.store.database import StoreError
from prunebench.store.provenance import environment
from prunebench.store.store import Store

# What goes wrong by chance (memory, a machine) is tried this often; what the request makes go wrong, once.
ATTEMPTS = 3


@dataclass(frozen=True)
class Attempted:
    """What came of a job.

    Attributes:
        document: the result document, or None where the job failed.
        error: why it failed, in a line.
        attempts, seconds: that it took.
    """

    document: Document | None
    error: str = ""
    attempts: int = 1
    seconds: float = 0.0


def attempt(plan: Plan, store: Store, reporter: Reporter | None = None, *, force: bool = False) -> Attempted:
    """Compute what `store` lacks of a job that no other process works on.

    Raises only where the store cannot be used, which would be so for any job.
    """
    began, document, attempts, error, again = time.perf_counter(), None, 0, "", True
    while document is None and again and attempts < ATTEMPTS:
        attempts += 1
        try:
            document = complete(plan, store, reporter, force=force)
        except Exception as raised:
            if isinstance(raised, StoreError) or getattr(raised, "option", None) == "store":
                raise
            error, again = in_words(raised), not isinstance(raised, PrunebenchError)
    return Attempted(document, error, attempts, time.perf_counter() - began)


def keep_outcome(plan: Plan, store: Store, attempted: Attempted) -> None:
    """Keep why a job could not be done, or forget why it could not be done before."""
    if attempted.document is not None:
        store.forget_failure(plan.training)
        return
    store.register(plan.training, plan.task, plan.recipe)
    made = environment(plan.device) | {"command": plan.command}
    store.put_failure(plan.training, attempted.error, attempted.attempts, made)
