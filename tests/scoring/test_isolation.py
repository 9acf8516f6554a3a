import os
import time
from pathlib import Path

import pytest
import torch

import prunebench as pb
from prunebench.scoring.execute import execute
from prunebench.scoring.isolation import Isolation

PLUGIN = """
import os, signal, time
import torch
import prunebench as pb

class Good(pb.Scorer):
    name = "good"
    alpha: float = 1.0
    def score(self, snapshot):
        print("printed")
        return snapshot.networks.norms() ** self.alpha
    def signs(self, snapshot):
        return torch.ones_like(snapshot.networks.bias)

class Hangs(Good):
    name = "hangs"
    def score(self, snapshot):
        while True:
            try:
                time.sleep(1)
            except BaseException:
                pass

class Exits(Good):
    name = "exits"
    def score(self, snapshot):
        os._exit(7)

class Crashes(Good):
    name = "crashes"
    def score(self, snapshot):
        os.kill(os.getpid(), signal.SIGSEGV)

class Mutates(Good):
    name = "mutates"
    def score(self, snapshot):
        snapshot.networks.w_in.mul_(2)
        return snapshot.networks.norms()

class Trains(Good):
    name = "trains"
    def score(self, snapshot):
        return snapshot.train(snapshot.initial).norms()
"""


@pytest.fixture(scope="module")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("plugin") / "own.py"
    path.write_text(PLUGIN)
    return path


@pytest.fixture(scope="module")
def isolation(plugin: Path) -> Isolation:
    return Isolation(timeout=60.0, files=[plugin])


def test_the_same_scores_as_in_process(run: pb.Trajectory, plugin: Path, isolation: Isolation) -> None:
    scorer = pb.load_scorer("good[alpha=0.5]", [plugin])
    here, there = execute(scorer, run.snapshot(15)), isolation.execute(scorer, run.snapshot(15))
    assert there.error is None
    assert torch.equal(here.scores, there.scores)
    assert torch.equal(here.signs, there.signs)
    assert 0 < there.seconds < 1


def test_own_training_is_counted(run: pb.Trajectory, plugin: Path, isolation: Isolation) -> None:
    outcome = isolation.execute(pb.load_scorer("trains", [plugin]), run.snapshot(15))
    assert outcome.extra_gradient_steps == run.recipe.steps


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("exits", "ended its process with exit code 7 (os._exit"),
        ("crashes", "SIGSEGV"),
        ("mutates", "changed its snapshot"),
    ],
)
def test_a_lost_process_is_an_error_and_the_next_scorer_is_unharmed(
    run: pb.Trajectory, plugin: Path, isolation: Isolation, name: str, message: str
) -> None:
    outcome = isolation.execute(pb.load_scorer(name, [plugin]), run.snapshot(15))
    assert outcome.scores is None
    assert message in (outcome.error or "")
    assert isolation.execute(pb.load_scorer("good", [plugin]), run.snapshot(15)).error is None


def test_a_scorer_that_never_ends_is_stopped(run: pb.Trajectory, plugin: Path) -> None:
    isolation = Isolation(files=[plugin])
    assert isolation.execute(pb.load_scorer("good", [plugin]), run.snapshot(15)).error is None
    isolation.timeout = 1.0
    began = time.perf_counter()
    outcome = isolation.execute(pb.load_scorer("hangs", [plugin]), run.snapshot(15))
    assert time.perf_counter() - began < 3
    assert outcome.error == "did not end within 1 s; it was stopped (--scorer-timeout)"


def test_who_is_isolated(plugin: Path) -> None:
    class Local(pb.Scorer):
        name = "local"

    shipped, foreign = pb.load_scorer("magnitude"), pb.load_scorer("good", [plugin])
    assert Isolation(files=[plugin]).covers(foreign)
    assert not Isolation(files=[plugin]).covers(shipped)
    assert Isolation(timeout=5.0).covers(shipped)
    assert not Isolation(timeout=5.0).covers(Local())


def test_no_process_is_left_behind(run: pb.Trajectory, plugin: Path) -> None:
    isolation = Isolation(files=[plugin])
    isolation.execute(pb.load_scorer("good", [plugin]), run.snapshot(15))
    process = isolation._worker._process
    assert process is not None
    os.kill(process.pid, 0)
    del isolation
    assert process.returncode is not None
