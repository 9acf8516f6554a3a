"""What runs in a worker process: one cell at a time, from what was sent along to what is sent back."""

import logging
import time
from dataclasses import dataclass
from functools import cache

from prunebench.benchmark.document import Document
from prunebench.benchmark.plan import Plan
from prunebench.benchmark.run import run_benchmark
from prunebench.errors import PrunebenchError
from prunebench.evaluation.metrics import EVALUATOR_VERSION
from prunebench.scoring.isolation import Isolation
from prunebench.store.store import Store
from prunebench.sweep.cells import Options, plan_of
from prunebench.sweep.failure import in_words
from prunebench.sweep.shipment import Shipment, without_files
from prunebench.sweep.study import Cell
from prunebench.version import code


@dataclass(frozen=True)
class Job:
    """A cell to compute.

    Attributes:
        expected: `fingerprint` of the plan where it was sent from.
        shipment: what is there of its training already; None to compute everything again.
    """

    cell: Cell
    options: Options
    expected: dict[str, str]
    shipment: Shipment | None


@dataclass(frozen=True)
class Answer:
    """What came of a job.

    Attributes:
        shipment: what was computed, were it only a part; None where nothing was.
        document: the result document, or None where the cell failed.
        error: why it failed, in a line.
        attempts: that it took.
        again: whether another attempt may go better.
        unfit: whether it is this worker that cannot do the job, or any job.
        seconds: that the job took.
    """

    shipment: Shipment | None = None
    document: Document | None = None
    error: str = ""
    attempts: int = 1
    again: bool = False
    unfit: bool = False
    seconds: float = 0.0


def run_cell(job: Job) -> Answer:
    """Do a job. Whatever goes wrong is in the answer."""
    began = time.perf_counter()
    try:
        plan = _plan(job)
    except Exception as error:
        return Answer(error=in_words(error), unfit=True)
    with Store() if job.shipment is None else Store.from_bytes(job.shipment) as store:
        sent = list(store.files.memory)
        document, problem, again = None, "", False
        try:
            document = run_benchmark(plan, None, store, force=job.shipment is None)
        except Exception as error:
            problem, again = in_words(error), not isinstance(error, PrunebenchError)
        seconds = time.perf_counter() - began
        shipment = without_files(store, sent)
        return Answer(shipment, document, problem, again=again, seconds=seconds)


def fingerprint(plan: Plan) -> dict[str, str]:
    """What must be the same here and there for results to be the same, by what a person calls it."""
    scorers = {f"scorer {key.scorer}": f"{key.version} {key.source}" for key in plan.scored}
    return {
        "data": plan.task.fingerprint,
        "training": plan.training,
        "evaluator": EVALUATOR_VERSION,
        "prunebench": code().version,
    } | scorers


def _plan(job: Job) -> Plan:
    """The plan of a job. What is here for an earlier sweep may be old: then scorers are imported anew."""
    isolation = _isolation(job.options.scorer_timeout, job.options.plugins)
    try:
        return _same_plan(job, isolation)
    except Exception:
        isolation.close()
        _isolation.cache_clear()
        return _same_plan(job, _isolation(job.options.scorer_timeout, job.options.plugins))


def _same_plan(job: Job, isolation: Isolation) -> Plan:
    plan = plan_of(job.cell, job.options, isolation.load)
    _check_same(fingerprint(plan), job.expected)
    return plan


@cache
def _isolation(timeout: float | None, plugins: tuple[str, ...]) -> Isolation:
    """What loads scorers here, one for all jobs; its process ends with this one."""
    return Isolation(timeout, plugins)


def dask_setup(_worker: object) -> None:
    """Called by Dask as a worker of `--workers` starts; the imports above are done by then."""
    silence()


def silence() -> None:
    """Keep Dask from printing tracebacks of its own: what goes wrong is said by the sweep."""
    loggers = [name for name in logging.root.manager.loggerDict if name.startswith("distributed")]
    for name in (*loggers, "asyncio"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


def _check_same(here: dict[str, str], there: dict[str, str]) -> None:
    other = [name for name in there if here.get(name) != there[name]]
    if other:
        raise PrunebenchError(
            f"not the same as where the sweep runs: {', '.join(other)}; the workers need the same data, "
            "plugins and version of prunebench (restart those that began before a change)"
        )
