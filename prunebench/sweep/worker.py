"""What runs in a worker process: one job at a time, from what was sent along to what is sent back."""

import contextlib
import logging
import sys
from functools import cache

from prunebench.benchmark.plan import Plan
from prunebench.errors import in_words
from prunebench.evaluation.metrics import EVALUATOR_VERSION
from prunebench.plugin.isolation import Isolation
from prunebench.scoring.registry import SCORERS
from prunebench.scoring.scorer import Scorer
from prunebench.store.store import Store
from prunebench.sweep.attempt import Attempted, attempt
from prunebench.sweep.plans import Options, plan_of
from prunebench.sweep.shipment import Shipment, without_files
from prunebench.sweep.study import Job
from prunebench.version import code


class Unfit(Exception):
    """This worker cannot do what it is sent: it would compute something else."""


def run_job(
    job: Job, options: Options, expected: dict[str, str], shipment: Shipment | None
) -> tuple[Attempted, Shipment]:
    """Compute a job; what came of it, and what was computed, were it only a part.

    Args:
        expected: `fingerprint` of the plan where it was sent from.
        shipment: what is there of its training already; None to compute everything again.

    Raises:
        Unfit: the plan is another one here, or cannot be made.
    """
    with contextlib.redirect_stdout(sys.stderr):  # the driver's has results alone, whatever networks print
        try:
            plan = _plan(job, options, expected)
        except Exception as error:
            raise Unfit(in_words(error)) from None
        with Store() if shipment is None else Store.from_bytes(shipment) as store:
            sent = {*store.files.memory}
            attempted = attempt(plan, store, force=shipment is None)
            return attempted, without_files(store, sent)


def fingerprint(plan: Plan) -> dict[str, str]:
    """What must be the same here and there for results to be the same, by what a person calls it."""
    scorers = {f"scorer {key.scorer}": f"{key.version} {key.source}" for key in plan.scored}
    network = plan.recipe.network_record
    return {
        "data": plan.task.fingerprint,
        "network": "" if network is None else " ".join(network.content.values()),
        "training": plan.training,
        "evaluator": EVALUATOR_VERSION,
        "prunebench": code().version,
    } | scorers


def _plan(job: Job, options: Options, expected: dict[str, str]) -> Plan:
    """The plan of a job. What is here for an earlier sweep may be old: then scorers are imported anew."""
    try:
        return _same_plan(job, options, expected)
    except Exception:
        _isolation(options.scorer_timeout, options.plugins).close()
        _isolation.cache_clear()
        return _same_plan(job, options, expected)


def _same_plan(job: Job, options: Options, expected: dict[str, str]) -> Plan:
    plan = plan_of(job, options, _isolation(options.scorer_timeout, options.plugins).load)
    found = fingerprint(plan)
    if other := [name for name in expected if found.get(name) != expected[name]]:
        raise Unfit(
            f"not the same as where the sweep runs: {', '.join(other)}; the workers need the same data, "
            "plugins and version of prunebench (restart those that began before a change)"
        )
    return plan


@cache
def _isolation(timeout: float | None, plugins: tuple[str, ...]) -> Isolation[Scorer]:
    """What loads scorers here, one for all jobs; its process ends with this one."""
    return Isolation(SCORERS, timeout, plugins)


def dask_setup(_worker: object) -> None:
    """Called by Dask as a worker of `--workers` starts; the imports above are done by then."""
    silence()


def silence() -> None:
    """Keep Dask from printing tracebacks of its own: what goes wrong is said by the sweep."""
    loggers = [name for name in logging.root.manager.loggerDict if name.startswith("distributed")]
    for name in (*loggers, "asyncio"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
