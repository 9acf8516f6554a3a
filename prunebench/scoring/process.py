"""The other end of `prunebench.scoring.worker`: starting it, asking it, and stopping it when time is up."""

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable
from typing import Any

from prunebench.errors import PrunebenchError, RequestError

READY = "ready\n"


class Lost(PrunebenchError):
    """The worker gave no answer; the message says why."""


class Stopped(Lost):
    """Time was up."""


class Worker:
    """A process that runs scorers. It starts with the first request, and again after it was lost."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._ready = False
        self._stop: Callable[[], object] = lambda: None

    def ask(self, do: str, timeout: float | None, **arguments: object) -> dict[str, Any]:
        """The answer to a request (see `prunebench.scoring.worker`).

        Raises `Lost` if there is none within `timeout` seconds (None: wait for ever) or the process ends, and
        the `RequestError` or `PrunebenchError` that the request ended in.
        """
        process = self.start()
        assert process.stdin is not None
        assert process.stdout is not None
        if not self._ready:  # the imports do not count
            self._ready = process.stdout.readline() == READY
        answer: queue.SimpleQueue[str] = queue.SimpleQueue()
        reader = threading.Thread(target=lambda: answer.put(process.stdout.readline()), daemon=True)  # type: ignore[union-attr]
        reader.start()
        try:
            print(json.dumps({"do": do, **arguments}), file=process.stdin, flush=True)
            line = answer.get(timeout=timeout)
        except queue.Empty:
            self.stop()
            reader.join()
            raise Stopped(f"did not end within {timeout:g} s; it was stopped") from None
        except BrokenPipeError:
            line = ""
        if not line:
            code = process.wait()
            self.stop()
            raise Lost(_why_ended(code))
        found: dict[str, Any] = json.loads(line)
        if "refused" in found:
            raise RequestError(*found["refused"])
        if "failed" in found:
            raise PrunebenchError(found["failed"])
        return found

    def stop(self) -> None:
        """End the process and whatever it has started."""
        self._stop()
        self._process, self._ready = None, False

    def start(self) -> "subprocess.Popen[str]":
        """Start the process, if it isn't there; its imports take seconds and need not be waited for."""
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "prunebench.scoring.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                # The same modules as here, found in the same places.
                env=os.environ | {"PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path)},
                start_new_session=True,
            )
            self._stop = weakref.finalize(self, _end, self._process)
        return self._process


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
