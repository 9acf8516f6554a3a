"""Worker processes, here or on a cluster, and the jobs that they are given (Dask `distributed`)."""

import atexit
import contextlib
import importlib
import logging
import multiprocessing
import os
from collections.abc import Iterator
from typing import Any

from prunebench.errors import PrunebenchError, RequestError
from prunebench.sweep.failure import ATTEMPTS
from prunebench.sweep.to_do import ToDo
from prunebench.sweep.worker import Answer, Job, run_cell, silence

CONNECT_SECONDS = 30
# Jobs that wait at a cluster: one that grows with its queue needs a queue.
WAITING = 8
# A cell may keep the interpreter busy for minutes: that is no sign that a worker is lost.
_CONFIG: dict[str, object] = {
    "distributed.admin.large-graph-warning-threshold": "1TB",
    "distributed.admin.tick.limit": "1d",
}
_LOCAL_CONFIG: dict[str, object] = _CONFIG | {
    "distributed.scheduler.allowed-failures": ATTEMPTS - 1,
    "distributed.scheduler.worker-ttl": None,
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
    "distributed.worker.profile.enabled": False,
    "distributed.diagnostics.nvml": False,
}


class Workers:
    """The workers of a Dask client, a job for each of them, and `waiting` jobs more."""

    def __init__(self, client: Any, waiting: int = 0) -> None:
        self._client, self._waiting = client, waiting
        self._jobs: dict[Any, ToDo] = {}

    def room(self) -> int:
        """For how many jobs more there is room just now; workers may come and go."""
        with _scheduler():
            return len(self._client.scheduler_info()["workers"]) + self._waiting - len(self._jobs)

    def submit(self, item: ToDo, job: Job) -> None:
        """Hand a job out. A worker that dies costs its job, which the scheduler gives to another one."""
        with _scheduler():
            self._jobs[self._client.submit(run_cell, job, pure=False)] = item

    def answers(self, seconds: float) -> Iterator[tuple[ToDo, Answer]]:
        """The answers that are there, once there is any; none if there is none after `seconds`."""
        distributed: Any = importlib.import_module("distributed")  # without types of its own
        with _scheduler(), contextlib.suppress(TimeoutError):
            distributed.wait(list(self._jobs), timeout=seconds, return_when="FIRST_COMPLETED")
        for future in [future for future in self._jobs if future.done()]:
            yield self._jobs.pop(future), _answer(future)


@contextlib.contextmanager
def _scheduler() -> Iterator[None]:
    """Whatever Dask raises when its scheduler is gone, as one line."""
    try:
        yield
    except Exception as error:
        reason = "the scheduler is gone; what came back is in the store, run again to go on"
        raise PrunebenchError(f"{reason} ({type(error).__name__})") from error


@contextlib.contextmanager
def local_workers(count: int) -> Iterator[Workers]:
    """`count` processes on this machine, the cores divided among them, one GPU each where there are GPUs.

    They talk over encrypted connections of the loopback device that nobody else on the machine can join.
    """
    distributed = _import("--workers", count)
    import dask
    from dask.system import CPU_COUNT

    silence()
    # A cluster that was interrupted as it started cannot be closed; its workers end with this process.
    atexit.unregister(importlib.import_module("distributed.deploy.spec").close_clusters)
    atexit.register(_kill_workers)
    threads = str(max(1, CPU_COUNT // count))
    environ = {f"{library}_NUM_THREADS": threads for library in ("OMP", "MKL", "OPENBLAS")}
    security = distributed.Security.temporary()
    options = {
        "nthreads": 1,
        "memory_limit": None,
        "host": "127.0.0.1",
        "dashboard": False,
        "preload": ["prunebench.sweep.worker"],
        "preload_nanny": ["prunebench.sweep.interrupts"],
        "silence_logs": logging.CRITICAL,
        "security": security,
    }
    workers = {
        number: {"cls": distributed.Nanny, "options": options | {"env": environ | gpu}}
        for number, gpu in enumerate(_gpus(count))
    }
    scheduler = {
        "cls": distributed.Scheduler,
        "options": {
            "host": "127.0.0.1",
            "dashboard": False,
            "dashboard_address": "127.0.0.1:0",  # of a server without pages; its usual port may be taken
            "security": security,
        },
    }
    with dask.config.set(_LOCAL_CONFIG), contextlib.ExitStack() as stack:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                cluster = stack.enter_context(
                    distributed.SpecCluster(
                        workers, scheduler, security=security, silence_logs=logging.CRITICAL
                    )
                )
                break
            except RuntimeError as error:  # a process was killed as it started
                if attempt == ATTEMPTS:
                    raise PrunebenchError(f"the worker processes do not start: {error}") from error
        client = stack.enter_context(distributed.Client(cluster))
        yield Workers(client)


def _kill_workers() -> None:
    """End workers that are still starting before multiprocessing removes what they would miss aloud."""
    for worker in multiprocessing.active_children():
        worker.kill()


@contextlib.contextmanager
def remote_workers(address: str) -> Iterator[Workers]:
    """The workers of the scheduler at `address`; they may come and go. `RequestError` where none answers."""
    distributed = _import("--cluster", address)
    import dask

    silence()
    with dask.config.set(_CONFIG):
        try:
            client = distributed.Client(address, timeout=CONNECT_SECONDS)
        except (OSError, ValueError, TypeError) as error:
            reason = f"a Dask scheduler that answers, such as tcp://host:8786: {' '.join(str(error).split())}"
            raise RequestError("--cluster", address, reason) from error
        with client:
            yield Workers(client, WAITING)


def _import(option: str, value: object) -> Any:
    try:
        import distributed
    except ImportError as error:
        raise RequestError(option, value, 'needs Dask: pip install "prunebench[cluster]"') from error
    return distributed


def _gpus(count: int) -> list[dict[str, str]]:
    """What shows each worker one of the GPUs that this process sees; nothing where there are none."""
    import torch

    there = torch.cuda.device_count()
    if not there:
        return [{}] * count
    seen = os.environ.get("CUDA_VISIBLE_DEVICES", ",".join(map(str, range(there)))).split(",")
    return [{"CUDA_VISIBLE_DEVICES": seen[number % there]} for number in range(count)]


def _answer(future: Any) -> Answer:
    from distributed import KilledWorker

    try:
        answer: Answer = future.result()
    except KilledWorker as killed:
        attempts = killed.allowed_failures + 1
        error = f"{attempts} workers died while they computed it (killed, or out of memory)"
        return Answer(error=error, attempts=attempts)
    except Exception as error:
        raise PrunebenchError(f"the cluster lost a job: {type(error).__name__}: {error}") from error
    finally:
        future.release()
    if answer.unfit:
        raise PrunebenchError(f"a worker cannot do its job: {answer.error}")
    return answer
