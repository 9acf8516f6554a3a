"""Worker processes, here or on a cluster, and the jobs that they are given (Dask `distributed`)."""

import atexit
import contextlib
import importlib
import logging
import multiprocessing
import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from prunebench.benchmark.missing import forget_damage, inventory_of
from prunebench.benchmark.reporter import Reporter
from prunebench.errors import PrunebenchError, RequestError, optional
from prunebench.store.store import Store
from prunebench.sweep.attempt import ATTEMPTS, Attempted
from prunebench.sweep.plans import Options, from_anywhere
from prunebench.sweep.shipment import pack, unpack
from prunebench.sweep.to_do import ToDo
from prunebench.sweep.worker import Unfit, fingerprint, run_job, silence

CONNECT_SECONDS, WAIT_SECONDS = 30, 0.5
_NEEDED = 'needs Dask: pip install "prunebench[cluster]"'
# Jobs that wait at a cluster: one that grows with its queue needs a queue.
WAITING = 8
# A job may keep the interpreter busy for minutes: that is no sign that a worker is lost. To look for it every
# 20 ms, as Dask does, takes a tenth of a core for two workers.
_CONFIG: dict[str, object] = {
    "distributed.admin.large-graph-warning-threshold": "1TB",
    "distributed.admin.tick.limit": "1d",
    "distributed.admin.tick.interval": "1s",
}
_LOCAL_CONFIG: dict[str, object] = _CONFIG | {
    "distributed.scheduler.allowed-failures": ATTEMPTS - 1,
    "distributed.scheduler.worker-ttl": None,
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
    "distributed.worker.profile.enabled": False,
    "distributed.diagnostics.nvml": False,
}


@dataclass(eq=False)
class Cluster:
    """The workers of a Dask client: a job for each of them, and `waiting` jobs more.

    Only this process uses the store: what it holds of a job is sent along, and what comes back is taken over
    in one transaction.
    """

    client: Any
    options: Options
    store: Store
    reporter: Reporter
    force: bool = False
    waiting: int = 0
    _out: dict[ToDo, Any] = field(default_factory=dict)

    def room(self) -> int:
        """For how many jobs more there is room just now; workers may come and go."""
        with _scheduler():
            workers = len(self.client.nthreads())  # of all of them, where other answers may leave some out
            return workers + self.waiting - sum(not future.done() for future in self._out.values())

    def submit(self, item: ToDo) -> None:
        """Send a job. A worker that dies costs its job, which the scheduler gives to another one."""
        forget_damage(inventory_of(item.plan, self.store), self.store, self.reporter.warn)
        job, options = from_anywhere(item.job, replace(self.options, command=item.plan.command))
        shipment = None if self.force else pack(self.store, item.plan.training)
        expected = fingerprint(item.plan)
        with _scheduler():
            self._out[item] = self.client.submit(run_job, job, options, expected, shipment, pure=False)

    def done(self) -> list[ToDo]:
        """The jobs that came back, once there is any; none if there is none for a while."""
        with _scheduler():
            self._wait()
        return [item for item, future in self._out.items() if future.done()]

    def _wait(self) -> None:
        distributed: Any = importlib.import_module("distributed")  # without types of its own
        with contextlib.suppress(TimeoutError):
            distributed.wait(list(self._out.values()), timeout=WAIT_SECONDS, return_when="FIRST_COMPLETED")

    def take_in(self, item: ToDo) -> Attempted:
        """What came of a job that is done; its part of the store is taken over, were it only a half of it."""
        from distributed import KilledWorker

        future = self._out.pop(item)
        try:
            attempted, shipment = future.result()
        except KilledWorker as killed:
            attempts = killed.allowed_failures + 1
            error = f"{attempts} workers died while they computed it (killed, or out of memory)"
            return Attempted(None, error, attempts)
        except Unfit as unfit:
            raise PrunebenchError(f"a worker cannot do its job: {unfit}") from unfit
        except Exception as error:
            raise PrunebenchError(f"the cluster lost a job: {type(error).__name__}: {error}") from error
        finally:
            future.release()
        unpack(self.store, shipment, item.plan.training)
        return attempted


@contextlib.contextmanager
def _scheduler() -> Iterator[None]:
    """Whatever Dask raises when its scheduler is gone, as one line."""
    try:
        yield
    except Exception as error:
        reason = "the scheduler is gone; what came back is in the store, run again to go on"
        raise PrunebenchError(f"{reason} ({type(error).__name__})") from error


@contextlib.contextmanager
def local_client(count: int) -> Iterator[Any]:
    """A client of `count` processes on this machine: the cores divided among them, one GPU each if there are.

    They talk over encrypted connections of the loopback device that nobody else on the machine can join.
    """
    distributed = optional("distributed", "workers", count, _NEEDED)
    import dask
    from dask.system import CPU_COUNT

    silence()
    # A cluster that was interrupted as it started cannot be closed; its workers end with this process.
    atexit.unregister(importlib.import_module("distributed.deploy.spec").close_clusters)
    atexit.register(_kill_workers)
    threads = str(max(1, CPU_COUNT // count))
    environ = {f"{library}_NUM_THREADS": threads for library in ("OMP", "MKL", "OPENBLAS")}
    security = distributed.Security.temporary()
    shared = {"host": "127.0.0.1", "dashboard": False, "security": security}
    options = shared | {
        "nthreads": 1,
        "memory_limit": None,
        "preload": ["prunebench.sweep.worker"],
        "preload_nanny": ["prunebench.sweep.interrupts"],
        "silence_logs": logging.CRITICAL,
    }
    workers = {
        number: {"cls": distributed.Nanny, "options": options | {"env": environ | gpu}}
        for number, gpu in enumerate(_gpus(count))
    }
    # The address is that of a server without pages; its usual port may be taken.
    scheduler = {"cls": distributed.Scheduler, "options": shared | {"dashboard_address": "127.0.0.1:0"}}
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
        yield stack.enter_context(distributed.Client(cluster))


def _kill_workers() -> None:
    """End workers that are still starting before multiprocessing removes what they would miss aloud."""
    for worker in multiprocessing.active_children():
        worker.kill()


@contextlib.contextmanager
def remote_client(address: str) -> Iterator[Any]:
    """A client of the scheduler at `address`. `RequestError` where none answers."""
    distributed = optional("distributed", "cluster", address, _NEEDED)
    import dask

    silence()
    with dask.config.set(_CONFIG):
        try:
            client = distributed.Client(address, timeout=CONNECT_SECONDS)
        except (OSError, ValueError, TypeError) as error:
            reason = f"a Dask scheduler that answers, such as tcp://host:8786: {' '.join(str(error).split())}"
            raise RequestError("cluster", address, reason) from error
        with client:
            yield client


def _gpus(count: int) -> list[dict[str, str]]:
    """What shows each worker one of the GPUs that this process sees; nothing where there are none."""
    import torch

    there = torch.cuda.device_count()
    if not there:
        return [{}] * count
    seen = os.environ.get("CUDA_VISIBLE_DEVICES", ",".join(map(str, range(there)))).split(",")
    return [{"CUDA_VISIBLE_DEVICES": seen[number % there]} for number in range(count)]
