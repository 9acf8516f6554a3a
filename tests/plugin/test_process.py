"""Plugins that end their process, leave its group or answer nonsense: what becomes of them and of others."""

import time
from pathlib import Path
from typing import Any

import pytest

from prunebench.plugin.forks import FORKS
from prunebench.plugin.isolation import Isolation
from prunebench.plugin.kind import PluginKind
from prunebench.plugin.process import Lost

ODD = """
import os, sys, threading, time
from kind_of_shapes import Shape

os.chdir("/")

def shout():
    for number in range(3, 64):
        try:
            os.write(number, b"junk")
        except OSError:
            pass

class Good(Shape):
    name = "good"
    def area(self):
        return 1

class Ends(Good):
    name = "ends"
    code: int = 0
    def area(self):
        os._exit(self.code) if self.code >= 0 else os.kill(os.getpid(), -self.code)

class EndsLater(Good):
    name = "ends_later"
    def area(self):
        threading.Timer(0.1, os._exit, [0]).start()
        return 1

class GoesLater(Good):
    name = "goes_later"
    def area(self):
        threading.Timer(0.1, os.chdir, ["/"]).start()
        return 1

class Leaves(Good):
    name = "leaves"
    def area(self):
        os.setsid()
        with open(os.path.join(os.path.dirname(__file__), "process"), "w") as file:
            file.write(str(os.getpid()))
        time.sleep(1000)

class Closes(Good):
    name = "closes"
    def area(self):
        os.closerange(3, 64)
        time.sleep(1000)

class Answers(Good):
    name = "answers"
    which: int = 0
    def area(self):
        with open("answer.json", "w") as file:
            file.write(["{", "[]", "{}" + 10**6 * " "][self.which])
        shout()
        time.sleep(1000)

class Shouts(Good):
    name = "shouts"
    def area(self):
        shout()
        return 1

class Reads(Good):
    name = "reads"
    def area(self):
        return len(sys.stdin.read())
"""


@pytest.fixture
def odd(folder: Path, shapes: PluginKind[Any]) -> Isolation[Any]:
    (folder / "odd.py").write_text(ODD)
    return Isolation(shapes, 3.0, ["odd.py"])


def area(isolation: Isolation[Any], spec: str) -> float:
    plugin = isolation.load(spec)
    isolation.prepare(plugin)
    return isolation.ask("area", plugin)["area"]


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ("ends", "exit code 0 "),
        ("ends[code=-9]", "by SIGKILL, .*; the system may have run out of memory"),
        ("ends[code=-11]", "by SIGSEGV, a crash in compiled code or a kill from outside$"),
        *((f"answers[which={number}]", "gave an answer that cannot be read") for number in range(3)),
    ],
)
def test_why_there_is_no_answer(odd: Isolation[Any], spec: str, why: str) -> None:
    with odd:
        with pytest.raises(Lost, match=why):
            area(odd, spec)
        assert odd.process._process is None
        assert area(odd, "good") == 1


def test_plugins_have_nothing_to_read(odd: Isolation[Any]) -> None:
    with odd:
        assert area(odd, "reads") == 0


@pytest.mark.parametrize("spec", ["ends_later", "goes_later"])
def test_what_one_does_between_requests_is_in_nobody_s_way(odd: Isolation[Any], spec: str) -> None:
    with odd:
        assert area(odd, spec) == 1
        time.sleep(0.5)
        assert area(odd, "good") == 1


@pytest.mark.skipif(not FORKS, reason="plugins share a process here")
def test_one_that_left_the_group_of_processes_ends_with_the_others(odd: Isolation[Any]) -> None:
    with odd, pytest.raises(Lost, match="did not end within 3 s"):
        area(odd, "leaves")
    process, until = Path("/proc", Path("process").read_text(), "exe"), time.monotonic() + 30
    while process.exists() and time.monotonic() < until:
        time.sleep(0.1)
    assert not process.exists()


@pytest.fixture
def both(odd: Isolation[Any], folder: Path) -> Isolation[Any]:
    (folder / "other.py").write_text(ODD.replace('name = "', 'name = "other_'))
    return Isolation(odd.kind, 20.0, ["odd.py", "other.py"])


def test_a_closed_channel_is_noticed_though_others_have_theirs(both: Isolation[Any]) -> None:
    with both:
        assert area(both, "good") == area(both, "other_good") == 1
        for spec in ("closes", "other_closes"):
            with pytest.raises(Lost, match="closed the channel"):
                area(both, spec)
            assert area(both, "good") == area(both, "other_good") == 1


def test_what_one_writes_anywhere_is_no_request_of_another(both: Isolation[Any]) -> None:
    with both:
        for spec in ("shouts", "other_shouts", "good", "other_good"):
            assert area(both, spec) == 1


def test_what_lies_where_a_run_is_started_is_no_library(
    odd: Isolation[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = str((tmp_path / "odd.py").resolve())
    (tmp_path / "inside").mkdir()
    monkeypatch.chdir(tmp_path / "inside")
    Path("tempfile.py").write_text("raise ImportError")
    with Isolation(odd.kind, 3.0, [file]) as isolation:
        assert area(isolation, "good") == 1
