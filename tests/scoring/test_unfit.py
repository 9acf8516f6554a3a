"""Scorers that cannot take a network or a task say so, wherever they run."""

from pathlib import Path

import pytest
import torch

import prunebench as pb
from prunebench.plugin.isolation import Isolation
from prunebench.scoring.execute import execute, unfit
from prunebench.scoring.registry import SCORERS

FILE = '''
import prunebench as pb

class Picky(pb.Scorer):
    """Takes networks of up to `most` units."""

    name = "picky"
    most: int = 3

    def unfit(self, networks, task):
        print("asked")
        networks.w_in.zero_()
        return None if networks.units <= self.most else f"more than {self.most}\\nunits"

    def score(self, snapshot):
        return snapshot.networks.norms()

class Raises(Picky):
    name = "raises"

    def unfit(self, networks, task):
        raise KeyError("what")

class Says(Picky):
    name = "says"

    def unfit(self, networks, task):
        return True
'''


@pytest.fixture
def snapshot(run: pb.Trajectory) -> pb.Snapshot:
    return run.snapshot(15)


@pytest.fixture
def file(tmp_path: Path) -> str:
    (tmp_path / "picky.py").write_text(FILE)
    return str(tmp_path / "picky.py")


def test_scorers_take_everything_unless_they_say_otherwise(snapshot: pb.Snapshot) -> None:
    assert unfit(pb.load_scorer("snip"), snapshot) is None


@pytest.mark.parametrize("isolated", [False, True])
def test_the_reason_is_one_line_here_and_in_a_process_of_its_own(
    isolated: bool, file: str, snapshot: pb.Snapshot, capfd: pytest.CaptureFixture[str]
) -> None:
    before = snapshot.networks.w_in.clone()
    with Isolation(SCORERS, files=[file]) as isolation:
        load = isolation.load if isolated else (lambda spec: pb.load_scorer(spec, [file]))
        assert unfit(load("picky"), snapshot) == "more than 3 units"
        assert unfit(load("picky[most=100]"), snapshot) is None
        outcome = execute(load("picky"), snapshot)
        assert (outcome.scores, outcome.error, outcome.broken) == (None, "more than 3 units", "unfit")
    assert torch.equal(snapshot.networks.w_in, before)
    assert "asked" not in capfd.readouterr().out


@pytest.mark.parametrize("isolated", [False, True])
def test_one_that_raises_is_not_unfit_but_fails(isolated: bool, file: str, snapshot: pb.Snapshot) -> None:
    with Isolation(SCORERS, files=[file]) as isolation:
        load = isolation.load if isolated else (lambda spec: pb.load_scorer(spec, [file]))
        for name, error in (("raises", "KeyError"), ("says", r"gave bool")):
            assert unfit(load(name), snapshot) is None
            outcome = execute(load(name), snapshot)
            assert outcome.broken == "raises"
            assert error in outcome.error


def raising(error: BaseException) -> pb.Scorer:
    class Raises(pb.Scorer):
        name = "raises"

        def unfit(self, networks: pb.Networks, task: pb.Task) -> None:
            raise error

    return Raises()


def test_ctrl_c_alone_ends_the_asking(snapshot: pb.Snapshot) -> None:
    assert unfit(raising(SystemExit(1)), snapshot) is None
    with pytest.raises(KeyboardInterrupt):
        unfit(raising(KeyboardInterrupt()), snapshot)
