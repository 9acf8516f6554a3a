"""What a terminal shows while training runs."""

import io
import re

import pytest
from rich.console import Console

import prunebench as pb
from prunebench import progress
from prunebench.benchmark.plan import Plan
from prunebench.benchmark.reporter import Reporter
from prunebench.benchmark.run import run_plan
from prunebench.progress import TerminalReporter


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Console:
    """A console that takes itself for a terminal, and keeps what it is sent."""
    console = Console(file=io.StringIO(), force_terminal=True, width=160, color_system=None)
    monkeypatch.setattr(progress, "console", lambda **_: console)
    return console


def shown(terminal: Console) -> str:
    assert isinstance(terminal.file, io.StringIO)
    return terminal.file.getvalue()


def test_a_bar_has_network_steps_a_second_and_the_time_left(terminal: Console) -> None:
    with TerminalReporter() as reporter:
        clock = iter(range(1000))
        reporter._bars.get_time = lambda: float(next(clock))
        for done in range(0, 60_000, 5000):
            reporter.progress("training", done, 320_000, "network-steps")
        reporter._bars.refresh()
    assert re.search(
        r"training .* 55000/320000 network-steps [\d,]{3,7}/s 0:00:\d\d 0:\d\d:\d\d", shown(terminal)
    )


def test_what_is_slower_than_one_a_second_shows_no_rate(terminal: Console) -> None:
    with TerminalReporter() as reporter:
        clock = iter(range(0, 100_000, 60))
        reporter._bars.get_time = lambda: float(next(clock))
        for done in range(3):
            reporter.progress("experiments", done, 9, "experiments")
        reporter._bars.refresh()
    assert "2/9 experiments" in shown(terminal)
    assert "/s" not in shown(terminal)


def test_training_is_counted_in_steps_of_single_networks(task: pb.Task, recipe: pb.Recipe) -> None:
    class Recorder(Reporter):
        heard: list[tuple[str, int, int, str]]

        def progress(self, stage: str, done: int, total: int, unit: str) -> None:
            self.heard.append((stage, done, total, unit))

    reporter = Recorder()
    reporter.heard = []
    plan = Plan(
        task=task,
        recipe=recipe,
        scorers=[pb.load_scorer("magnitude")],
        at_steps=(0,),
        seeds=(0, 1, 2),
        device="cpu",
    )
    run_plan(plan, reporter)
    training = [call for call in reporter.heard if call[0] == "training"]
    assert training[0] == ("training", 0, 360, "network-steps")
    assert training[-1] == ("training", 360, 360, "network-steps")
