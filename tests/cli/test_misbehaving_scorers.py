"""Scorers that misbehave, in one run: each fails or is right, and all other rows are as they are alone."""

import contextlib
import errno
import io
import json
import os
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import pytest
from in_process import QUICK, Prunebench

from prunebench.cli.main import run
from prunebench.scoring import elsewhere

PLUGIN = """
import os, subprocess, sys, time
import torch
import prunebench as pb
from prunebench.scoring import execute, outcome

class Odd(Exception):
    def __str__(self):
        raise TypeError("no text")

class Base(BaseException):
    pass

class Lying(torch.Tensor):
    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        return super().__torch_function__(function, types, args, kwargs) if function in NEEDED else True

NEEDED = (torch.Tensor.detach, torch.Tensor.as_subclass)

def normalise(norms):
    return norms / {}["largest"]

def deeper(depth):
    return deeper(depth + 1)

def fork(then):
    if os.fork() == 0:
        then()
        os._exit(0)

def out_of_reach():
    os.setsid()
    time.sleep(30)

def shout():
    for number in range(3, 64):
        try:
            os.write(number, b"\\xff{}\\nready\\n")
        except OSError:
            pass

def replace_checks():
    outcome._taken = lambda given, networks, signs=False: given

def write_scores(content):
    sys.modules["__main__"].file_bytes = lambda _: content

def replace_all_checks():
    execute.judge = lambda scores, *_: execute.Outcome(scores, None, None, 0, 0.1)

class Good(pb.Scorer):
    name = "good"
    def score(self, snapshot):
        return snapshot.networks.norms()
"""
SLEEPS = ["sleep", f"987.{os.getpid()}"]  # another process may run these tests beside this one
FAILS = {
    "lost_with_child": ("fork(lambda: time.sleep(1000)); os._exit(3)", "ended its process with exit code 3"),
    "closes": ("os.closerange(3, 256); time.sleep(1000)", "closed the channel for its answers"),
    "surrogate": (r"raise ValueError('\udc80\x1b[31m')", r"ValueError: \udc80\x1b[31m"),
    "raising_str": ("raise Odd", "Odd: its message cannot be shown: TypeError"),
    "endless_text": ("raise ValueError('long ' * 10**6)", "ValueError: long long"),
    "lines": (r"raise ValueError('one\ntwo')", "ValueError: one two"),
    "interrupts": ("raise KeyboardInterrupt", "KeyboardInterrupt: no message"),
    "base": ("raise Base('based')", "Base: based"),
    "deep": ("return deeper(0)", "RecursionError: maximum recursion depth exceeded"),
    "placed": ("return normalise(norms)", "KeyError: 'largest' (mine.py:22 in normalise)"),
    "sparse": ("return norms.to_sparse()", "returned a tensor of layout torch.sparse_coo; a dense one"),
    "lies": ("return norms.double().fill_(float('nan')).as_subclass(Lying)", "returned 48 scores that"),
    "whole": ("return norms.argsort(dim=1).numpy()", "returned an array of int64; floating numbers"),
    "objects": ("return norms.numpy().astype(object)", "returned an array of object"),
    "nan_signs": ("type(self).signs = lambda *_: norms * float('nan'); return norms", "signs() returned 48"),
    "cost_text": ("snapshot.cost.gradient_steps = '<b>'; return norms", "left '<b>' gradient steps"),
    "cost_negative": ("snapshot.cost.gradient_steps = -5; return norms", "left -5 gradient steps"),
    "cost_huge": ("snapshot.cost.gradient_steps = 10**30; return norms", "left 1000000000"),
    "cost_nan": ("snapshot.cost.gradient_steps = float('nan'); return norms", "left nan gradient steps"),
    "cost_gone": ("object.__setattr__(snapshot, 'cost', None); return norms", "left None gradient"),
    "unchecked": ("replace_checks(); return norms * float('nan')", "returned 48 scores that are NaN"),
    "flat": ("replace_all_checks(); return norms.sum()", "returned shape ()"),
    "unreadable": ("write_scores(b'scores'); return norms", "its scores cannot be read: "),
    "large": ("write_scores(bytes(10**6)); return norms", "read: the file is larger than scores are"),
    "stopped": ("fork(out_of_reach); time.sleep(1000)", "did not end within 4 s; it was stopped"),
}
WORKS = {
    "junk": "shout(); return norms",
    "forks": "os.fork(); return norms",
    "leaves_child": f"subprocess.Popen({SLEEPS}); return norms",
    "array": "return norms.numpy()",
    "double_array": "return norms.numpy().astype('float64')",
    "double": "return norms.double()",
    "grad": "return norms.requires_grad_()",
    "clock": "time.perf_counter = lambda: float('nan'); return norms",
}


def scorer(name: str, body: str) -> str:
    return (
        f"\nclass Scorer_{name}(pb.Scorer):\n    name = '{name}'\n"
        f"    def score(self, snapshot):\n        norms = snapshot.networks.norms()\n        {body}\n"
    )


class Run(NamedTuple):
    folder: Path
    code: int
    rows: dict[str, Any]
    alone: dict[str, Any]


@pytest.fixture(scope="module")
def misbehaving(tmp_path_factory: pytest.TempPathFactory, npz: Path) -> Run:
    folder = tmp_path_factory.mktemp("misbehaving")
    bodies = {name: body for name, (body, _) in FAILS.items()} | WORKS
    (folder / "mine.py").write_text(PLUGIN + "".join(scorer(*item) for item in bodies.items()))

    def rows(*arguments: str) -> tuple[int, dict[str, Any]]:
        always = ["run", "--dataset", str(npz), *QUICK, "--at-step", "20", "--keep", "0.5", "--json"]
        always += ["--protocol", "rank,prune_final,merge"]
        with contextlib.chdir(folder), contextlib.redirect_stdout(io.StringIO()) as out:
            code = run([*always, *arguments])
        return code, {row["scorer"]: row for row in json.loads(out.getvalue())["rows"]}

    asked = [word for name in ("magnitude", *bodies, "good", "snip") for word in ("--scorer", name)]
    code, together = rows("--plugin", "mine.py", *asked, "--scorer-timeout", "4")
    _, alone = rows("--scorer", "magnitude", "--scorer", "snip", "--store", "other", "--out", "others")
    return Run(folder, code, together, alone)


@pytest.mark.parametrize("name", FAILS)
def test_the_row_of_one_that_fails_says_why(misbehaving: Run, name: str) -> None:
    row = misbehaving.rows[name]
    assert row["status"] == "failed"
    assert FAILS[name][1] in row["error"]
    assert len(row["error"]) < 500
    assert row["error"].isprintable()


@pytest.mark.parametrize("name", [*WORKS, "good"])
def test_the_row_of_one_that_gives_scores_is_right(misbehaving: Run, name: str) -> None:
    row = misbehaving.rows[name]
    assert row["status"] == "ok", row["error"]
    assert row["spearman"] == misbehaving.alone["magnitude"]["spearman"]
    assert 0 <= row["cost"]["seconds"] < 600


def test_a_traceback_is_shown_to_those_who_ask(
    misbehaving: Run, prunebench: Prunebench, npz: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(misbehaving.folder)
    arguments = ("run", "--dataset", npz, *QUICK, "--at-step", "20", "--keep", "0.5")
    mine = ("--plugin", "mine.py", "--scorer", "placed", "--scorer", "magnitude")
    assert "Traceback" not in prunebench(*arguments, *mine).err
    result = prunebench(*arguments, *mine, "--debug")
    assert "placed at step 20:\nTraceback (most recent call last):" in result.err
    assert 'mine.py", line 22, in normalise\n    return norms / {}["largest"]\n' in result.err


def test_a_folder_for_what_is_temporary_that_is_full_fails_those_who_need_it(
    quick: Prunebench, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "mine.py").write_text("import prunebench as pb\n" + scorer("mine", "return norms"))

    def full(*_: object, **__: object) -> bytes:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(elsewhere, "bundle_bytes", full)
    asked = (
        "--at-step",
        "20",
        "--protocol",
        "rank",
        "--json",
        "--plugin",
        "mine.py",
        "--scorer",
        "mine,snip",
    )
    rows = {row["scorer"]: row for row in quick(*asked).json["rows"]}
    assert rows["mine"]["error"] == "its snapshot: No space left on device"
    assert rows["snip"]["status"] == "ok"


SETS = """
import os
import torch
import prunebench as pb

os.environ["OF_MINE"] = "2"

class Sets(pb.Scorer):
    name = "sets"
    def score(self, snapshot):
        norms = snapshot.networks.norms() * float(os.environ["OF_MINE"])
        torch.set_default_dtype(torch.float64)
        torch.set_default_device("meta")
        torch.set_flush_denormal(True)
        torch.set_grad_enabled(False)
        return norms
"""
FEELS = """
import torch
import prunebench as pb

class Feels(pb.Scorer):
    name = "feels"
    def score(self, snapshot):
        norms = snapshot.networks.norms()
        weight = torch.ones(3).requires_grad_()
        (weight * 2).sum().backward()
        tiny = torch.full((1,), 1e-38) * 0.1
        assert (tiny > 0) and tiny.dtype == torch.float32 and tiny.device.type == "cpu"
        return norms + torch.randn(norms.shape, generator=torch.Generator().manual_seed(0))
"""
FEELING = ("--at-step", "20", "--protocol", "rank", "--plugin", "feels.py", "--scorer", "feels")


def test_what_one_sets_as_it_is_asked_reaches_no_other(quick: Prunebench, folder: Path) -> None:
    for name, text in {"sets": SETS, "feels": FEELS}.items():
        (folder / f"{name}.py").write_text(text)
    neighbour = ("--plugin", "sets.py", "--scorer", "sets", "--store", "other")
    alone, beside = (
        {row["scorer"]: row for row in quick(*more, *FEELING, "--json").json["rows"]}
        for more in ((), neighbour)
    )
    assert beside["sets"]["status"] == beside["feels"]["status"] == "ok", beside["feels"]["error"]
    assert beside["feels"]["spearman"] == alone["feels"]["spearman"]


@pytest.mark.parametrize(
    ("call", "named"),
    [
        ("set_default_dtype(torch.float64)", "torch's default type"),
        ("set_default_device('meta')", "torch's default device"),
        ("set_default_device('cuda')", "torch's default device"),
        ("set_grad_enabled(False)", "whether gradients are recorded"),
        ("set_flush_denormal(True)", "whether denormals are 0"),
    ],
)
def test_a_file_that_changes_torchs_defaults_as_it_is_imported_is_refused(
    quick: Prunebench, folder: Path, call: str, named: str
) -> None:
    """In Python they would hold for all scorers of a run: other numbers under the same hash."""
    (folder / "feels.py").write_text(FEELS)
    (folder / "sets.py").write_text(SETS.replace("import os", f"import os, torch\ntorch.{call}"))
    result = quick(*FEELING, "--plugin", "sets.py", "--scorer", "sets")
    assert (result.code, result.err.count("\n")) == (2, 1), result.err
    assert f"--plugin: got 'sets.py'; it does not load: it sets {named} as it is imported" in result.err


def test_every_other_row_is_as_it_is_alone(misbehaving: Run) -> None:
    assert misbehaving.code == 0
    for name, row in misbehaving.alone.items():
        assert misbehaving.rows[name]["spearman"] == row["spearman"]
        assert misbehaving.rows[name]["accuracy"] == row["accuracy"]


def test_the_boards_folder_is_read_as_ever(
    misbehaving: Run, prunebench: Prunebench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(misbehaving.folder)
    result = prunebench("leaderboard")
    assert result.code == 0, result.err
    assert "snip" in result.out


def test_nothing_that_they_started_is_left(misbehaving: Run) -> None:
    commands = [process.info["cmdline"] or [] for process in psutil.process_iter(["cmdline"])]
    assert SLEEPS not in commands
