"""Other people's scorers in a process of their own: one that hangs, exits or crashes harms no other row."""

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from safetensors.torch import load_file

from prunebench.errors import PrunebenchError
from prunebench.scoring.execute import Outcome, execute
from prunebench.scoring.registry import discover
from prunebench.scoring.scorer import Scorer
from prunebench.scoring.spec import canonical
from prunebench.store.bundle import write_bundle
from prunebench.training.snapshot import Snapshot


class Lost(PrunebenchError):
    """The worker gave no answer; the message says why."""


class Worker:
    """A process that runs scorers. It starts with the first request, and again after it was lost."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._stop: Callable[[], object] = lambda: None

    def ask(self, do: str, timeout: float | None, **arguments: object) -> dict[str, Any]:
        """The answer to a request (see `prunebench.scoring.worker`).

        Raises `Lost` if there is none within `timeout` seconds (None: wait for ever) or the process ends.
        """
        process = self._started()
        assert process.stdin is not None
        assert process.stdout is not None
        answer: queue.SimpleQueue[str] = queue.SimpleQueue()
        reader = threading.Thread(target=lambda: answer.put(process.stdout.readline()), daemon=True)  # type: ignore[union-attr]
        reader.start()
        try:
            print(json.dumps({"do": do, **arguments}), file=process.stdin, flush=True)
            line = answer.get(timeout=timeout)
        except queue.Empty:
            self.stop()
            reader.join()
            raise Lost(f"did not end within {timeout:g} s (--scorer-timeout); it was stopped") from None
        except BrokenPipeError:
            line = ""
        if not line:
            code = process.wait()
            self.stop()
            raise Lost(_why_ended(code))
        found: dict[str, Any] = json.loads(line)
        if "refused" in found:
            raise PrunebenchError(found["refused"])
        return found

    def stop(self) -> None:
        """End the process and whatever it has started."""
        self._stop()
        self._process = None

    def _started(self) -> "subprocess.Popen[str]":
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "prunebench.scoring.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                # The same modules as here, found in the same places.
                env=os.environ | {"PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path)},
                start_new_session=True,
            )
            self._stop = weakref.finalize(self, _end, self._process)
        return self._process


class Isolation:
    """Runs scorers, those of others in a worker.

    A scorer of prunebench itself is run there too where there is a time limit. Scorers that have no place
    to be loaded from (a class in a notebook) and saved arrays are run here.

    Args:
        timeout: seconds for each scorer at a step (and draw); it is stopped when they are over.
        files: files that scorers come from (`--plugin`).
    """

    def __init__(self, timeout: float | None = None, files: Sequence[str | Path] = ()) -> None:
        self.timeout, self.files = timeout, [str(Path(file).resolve()) for file in files]
        self._worker = Worker()

    def covers(self, scorer: Scorer) -> bool:
        """Whether the scorer is run in a process of its own."""
        plugin = discover(self.files).get(scorer.name)
        if plugin is None or plugin.load() is not type(scorer):
            return False
        return self.timeout is not None or not plugin.own

    def execute(self, scorer: Scorer, snapshot: Snapshot) -> Outcome:
        """As `prunebench.scoring.execute.execute`; a scorer that hangs, exits or crashes is an error too."""
        if not self.covers(scorer):
            return execute(scorer, snapshot)
        device = snapshot.networks.device
        with tempfile.TemporaryDirectory(prefix="prunebench-") as folder:
            here, back = Path(folder, "snapshot.safetensors"), Path(folder, "scores.safetensors")
            write_bundle(here, snapshot, order=False)
            began = time.perf_counter()
            try:
                answer = self._worker.ask(
                    "score",
                    self.timeout,
                    spec=canonical(scorer),
                    files=self.files,
                    snapshot=str(here),
                    device=str(device),
                    answer=str(back),
                )
            except PrunebenchError as error:
                return Outcome(None, None, str(error), 0, time.perf_counter() - began, "raises")
            tensors = load_file(back, device=str(device))
        return Outcome(tensors.get("scores"), tensors.get("signs"), **answer)


def _why_ended(code: int) -> str:
    if code >= 0:
        return f"ended its process with exit code {code} (os._exit, or a library that does so)"
    name = signal.Signals(-code).name
    hint = "; the system may have run out of memory" if name == "SIGKILL" else ""
    return f"its process was ended by {name}, a crash in compiled code or a kill from outside{hint}"


def _end(process: "subprocess.Popen[str]") -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(BrokenPipeError):
                pipe.close()
