"""The other end of `prunebench.plugin.server`: starting it, asking it, and stopping it when time is up.

A request is a line of JSON. Its answer is a file in a folder of its own, and a byte on a pipe says that it
is there: whatever else comes out of that pipe is not for us, and nothing that comes back is unpickled.
"""

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

from prunebench.errors import PrunebenchError, RequestError, one_line

Answer = dict[str, Any]  # as JSON has it
ANSWER = "answer.json"
# An answer is a few lines and a traceback; one that is longer than this is none.
_LONGEST = 1_000_000
# A process that ends while one that it started holds its pipe is noticed after this many seconds.
LOOK_EVERY = 0.2
# Ends the server, with all that it has started, as soon as this process is gone, however it went: its stdin
# is a pipe whose other end nobody else holds. A thread of the server could not: compiled code may keep the
# interpreter to itself; and the kernel's signal at the parent's death would reach the server alone.
_GUARD = "import os, sys; sys.stdin.read(); os.killpg(int(sys.argv[1]), 9)"


class Lost(PrunebenchError):
    """The process gave no answer; the message says why."""


class Stopped(Lost):
    """Time was up."""


class Failed(PrunebenchError):
    """What was asked for went wrong in the process; `traceback` says where."""

    def __init__(self, message: str, traceback: str | None = None) -> None:
        self.traceback = traceback
        super().__init__(message)


class PluginProcess:
    """A process that runs plugins, each file and package in a process that it forks.

    It starts with the first request, and again after it, or one of those, was lost.

    Args:
        module: what it runs, which calls `prunebench.plugin.server.serve`.

    Attributes:
        loaded: names of the plugins that it has imported, noted by whoever asked for that.
    """

    def __init__(self, module: str) -> None:
        self.module = module
        self.loaded: set[str] = set()
        self._process: subprocess.Popen[bytes] | None = None
        self._ready = False
        self._stop: Callable[[], object] = lambda: None

    def ask(self, do: str, timeout: float | None, folder: Path | None = None, **arguments: object) -> Answer:
        """The answer to a request (see `prunebench.plugin.server`).

        `folder` is empty, or holds what the request is about. Among the `arguments` is the `origin` of what
        is asked, a file or a package. Raises `Lost` if there is no answer within `timeout` seconds (None: it
        waits for ever) or the process ends, `Failed` if the request failed there, and the `RequestError` that
        it was refused with.
        """
        with contextlib.ExitStack() as stack:
            if folder is None:
                folder = Path(stack.enter_context(scratch()))
            process = self.start()
            if not self._ready:  # the imports do not count
                self._wait(process, lambda: True, None)
                self._ready = True
            request = json.dumps({"do": do, "folder": str(folder), **arguments})
            assert process.stdin is not None
            with contextlib.suppress(BrokenPipeError):
                process.stdin.write(request.encode() + b"\n")
                process.stdin.flush()
            self._wait(process, (folder / ANSWER).is_file, timeout)
            answer = self._read(folder / ANSWER)
        if "refused" in answer:
            raise RequestError(*answer["refused"])
        if "failed" in answer:
            raise Failed(one_line(str(answer["failed"])), answer.get("traceback"))
        return answer

    def stop(self) -> None:
        """End the process and whatever it has started."""
        self._stop()
        self._process, self._ready, self.loaded = None, False, set()

    def start(self) -> "subprocess.Popen[bytes]":
        """Start the process, if it isn't there; its imports take seconds and need not be waited for."""
        if self._process is not None and self._process.poll() is not None:
            self.stop()
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", self.module],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                # The same modules as here, found in the same places.
                env=os.environ | {"PYTHONPATH": os.pathsep.join(os.path.abspath(path) for path in sys.path)},
                start_new_session=True,
            )
            guard = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _GUARD, str(self._process.pid)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            self._stop = weakref.finalize(self, _end, self._process, guard)
        return self._process

    def _wait(
        self, process: "subprocess.Popen[bytes]", is_there: Callable[[], bool], timeout: float | None
    ) -> None:
        """Until the process has said that something is there, and it is."""
        assert process.stdout is not None
        ends = None if timeout is None else time.monotonic() + timeout
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            while True:
                left = LOOK_EVERY if ends is None else min(LOOK_EVERY, ends - time.monotonic())
                if left <= 0:
                    self.stop()
                    raise Stopped(f"did not end within {timeout:g} s; it was stopped")
                if selector.select(left):
                    if not os.read(process.stdout.fileno(), 65536):
                        raise self._lost(process)
                    if is_there():
                        return
                elif process.poll() is not None:
                    raise self._lost(process)

    def _read(self, file: Path) -> Answer:
        try:
            if file.stat().st_size > _LONGEST:
                raise ValueError("too long")
            answer = json.loads(file.read_bytes())
            if not isinstance(answer, dict):
                raise TypeError("not an answer")
        except (OSError, ValueError, TypeError, RecursionError) as error:
            self.stop()
            raise Lost("gave an answer that cannot be read; its process was stopped") from error
        return answer

    def _lost(self, process: "subprocess.Popen[bytes]") -> Lost:
        """Why there will be no answer; the pipe may be closed a moment before the process has ended."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(1)
        code = process.returncode
        self.stop()
        return Lost(
            "closed the channel for its answers; it was stopped" if code is None else _why_ended(code)
        )


def scratch() -> "tempfile.TemporaryDirectory[str]":
    """A new folder, removed after use."""
    return tempfile.TemporaryDirectory(prefix="prunebench-", ignore_cleanup_errors=True)


def _why_ended(code: int) -> str:
    if code >= 0:
        return f"ended its process with exit code {code} (os._exit, or a library that does so)"
    name = signal.Signals(-code).name
    hint = "; the system may have run out of memory" if name == "SIGKILL" else ""
    return f"its process was ended by {name}, a crash in compiled code or a kill from outside{hint}"


def _end(process: "subprocess.Popen[bytes]", guard: "subprocess.Popen[bytes]") -> None:
    guard.kill()  # before the number of the group can be another's
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    for ended in (process, guard):
        with contextlib.suppress(subprocess.TimeoutExpired):  # one that a device driver holds
            ended.wait(5)
        for pipe in filter(None, (ended.stdin, ended.stdout)):
            with contextlib.suppress(BrokenPipeError):
                pipe.close()
