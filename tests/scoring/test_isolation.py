import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from prunebench_plugins.scorers.magnitude import Magnitude

import prunebench as pb
from prunebench.plugin.forks import FORKS
from prunebench.plugin.isolation import Isolation, StandIn
from prunebench.plugin.process import PluginProcess
from prunebench.plugin.source import source_hash
from prunebench.plugin.spec import canonical
from prunebench.scoring.execute import execute
from prunebench.scoring.registry import SCORERS
from prunebench.scoring.scorer import Scorer

PLUGIN = """
import os, signal, time
import numpy as np
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

class Looks(Good):
    name = "looks"
    def score(self, snapshot):
        raise ValueError(sorted(os.listdir()))

class Few(Good):
    name = "few"
    stochastic = True
    board_draws = np.int64(2)
    draw: int = 0

class Trains(Good):
    name = "trains"
    @property
    def initial_only(self):
        return True
    def score(self, snapshot):
        return snapshot.train(snapshot.initial).norms()
"""


@pytest.fixture(scope="module")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("plugin") / "own.py"
    path.write_text(PLUGIN)
    return path


@pytest.fixture(scope="module")
def isolation(plugin: Path) -> Isolation[Scorer]:
    return Isolation(SCORERS, timeout=60.0, files=[plugin])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_same_scores_as_in_process(
    run: pb.Trajectory, plugin: Path, isolation: Isolation[Scorer], dtype: torch.dtype
) -> None:
    snapshot = run.snapshot(15)
    snapshot = replace(snapshot, networks=snapshot.networks.to(dtype=dtype))
    here = execute(pb.load_scorer("good[alpha=0.5]", [plugin]), snapshot)
    there = execute(isolation.load("good[alpha=0.5]"), snapshot)
    assert there.error is None
    assert torch.equal(here.scores, there.scores)
    assert torch.equal(here.signs, there.signs)
    assert 0 < there.seconds < 1


def test_own_training_is_counted(run: pb.Trajectory, isolation: Isolation[Scorer]) -> None:
    outcome = execute(isolation.load("trains"), run.snapshot(15))
    assert outcome.extra_gradient_steps == run.recipe.steps


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("exits", "ended its process with exit code 7 (os._exit"),
        ("crashes", "SIGSEGV"),
        ("mutates", "changed its snapshot"),
        ("looks", "ValueError: ['snapshot.safetensors'] (own.py:"),
    ],
)
def test_a_lost_process_is_an_error_and_the_next_scorer_is_unharmed(
    run: pb.Trajectory, isolation: Isolation[Scorer], name: str, message: str
) -> None:
    outcome = execute(isolation.load(name), run.snapshot(15))
    assert outcome.scores is None
    assert message in (outcome.error or "")
    assert execute(isolation.load("good"), run.snapshot(15)).error is None


def test_a_scorer_that_never_ends_is_stopped(run: pb.Trajectory, plugin: Path) -> None:
    isolation = Isolation(SCORERS, files=[plugin])
    assert execute(isolation.load("good"), run.snapshot(15)).error is None
    isolation.timeout, hangs = 1.0, isolation.load("hangs")
    began = time.perf_counter()
    outcome = execute(hangs, run.snapshot(15))
    assert time.perf_counter() - began < 3
    assert outcome.error == "did not end within 1 s; it was stopped (--scorer-timeout)"


def test_importing_is_not_the_scorers_time(run: pb.Trajectory, tmp_path: Path) -> None:
    path = tmp_path / "slow.py"
    path.write_text("import time\ntime.sleep(1)\n" + PLUGIN)
    isolation = Isolation(SCORERS, timeout=0.8, files=[path])
    scorers = [isolation.load(name) for name in ("exits", "good")]
    assert "exit code 7" in (execute(scorers[0], run.snapshot(15)).error or "")
    assert execute(scorers[1], run.snapshot(15)).error is None  # in a process that began anew


def test_who_is_run_elsewhere(isolation: Isolation[Scorer], plugin: Path) -> None:
    free = Isolation(SCORERS, files=[plugin])
    assert isinstance(free.load("good"), StandIn)
    assert isinstance(free.load("magnitude"), Magnitude)
    assert isinstance(isolation.load("magnitude[kind=incoming]"), StandIn)  # it has a time limit


def test_a_time_limit_changes_no_scores(run: pb.Trajectory, isolation: Isolation[Scorer]) -> None:
    for spec in ("magnitude[kind=incoming]", "oracle", "twin", "random[draw=3]"):
        here, there = pb.load_scorer(spec), isolation.load(spec)
        snapshot = run.snapshot(15, with_final=True).with_twin(run.final)
        assert torch.equal(execute(here, snapshot).scores, execute(there, snapshot).scores)
        assert canonical(here) == canonical(there)
        assert there.stochastic == here.stochastic
        assert there.origin_source == source_hash(type(here))
    with pytest.raises(pb.RequestError, match=r"magnitude\[kind\]"):
        isolation.load("magnitude[kind=outward]")


def test_code_of_others_never_runs_in_this_process(isolation: Isolation[Scorer], tmp_path: Path) -> None:
    path = tmp_path / "global_state.py"
    path.write_text("import os\nos.environ['HARM'] = 'done'\n" + PLUGIN)
    isolation = Isolation(SCORERS, files=[path])
    scorer = isolation.load("good[alpha=2]")
    assert canonical(scorer) == "good[alpha=2.0]"
    assert "HARM" not in os.environ
    assert str(path) not in {getattr(module, "__file__", None) for module in sys.modules.values()}


def test_a_stand_in_is_known_as_what_it_stands_for(isolation: Isolation[Scorer], plugin: Path) -> None:
    """Results that were computed here and there are the same results."""
    real, stand_in = pb.load_scorer("good[alpha=0.5]", [plugin]), isolation.load("good[alpha=0.5]")
    assert isinstance(stand_in, StandIn)
    assert stand_in.origin_source == source_hash(type(real))
    assert canonical(stand_in) == canonical(real)
    assert stand_in.version == real.version
    assert canonical(isolation.load("good")) == "good"


CLASS = "import prunebench as pb\nclass Mine(pb.Scorer):\n    name = 'mine'\n    "
BROKEN = {
    "import a_module_that_is_not_there": "ModuleNotFoundError: No module named 'a_module_that_is_not_there'",
    "1 / 0": "ZeroDivisionError: division by zero (broken1.py:1 in <module>)",
    "raise SystemExit(3)": "does not load: SystemExit: 3",
    "raise KeyboardInterrupt": "does not load: KeyboardInterrupt: no message",
    "import os; os._exit(3)": "ended its process with exit code 3",
    "while True: pass": "did not end within 2 s; it was stopped",
    "x = 1": "it has no scorer: a class that derives from prunebench.Scorer",
    CLASS + "name = 'two words'": "'two words'",
    CLASS + "version = 2": "version = 2",
    CLASS + "alpha: list = []": "mutable",
    CLASS + "alpha: 'Unknown' = 1": "'Unknown'",
}


def test_files_that_do_not_load_are_wrong_requests(
    tmp_path: Path, plugin: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("prunebench.plugin.isolation.LOAD_SECONDS", 2.0)
    process = PluginProcess(SCORERS.server)
    for number, (text, message) in enumerate(BROKEN.items()):
        file = tmp_path / f"broken{number}.py"
        file.write_text(text)
        isolation = Isolation(SCORERS, files=[file, plugin])
        isolation.process = process
        with pytest.raises(pb.RequestError) as caught:
            isolation.load("magnitude")
        assert str(file) in str(caught.value)
        assert message in str(caught.value)
        assert "\n" not in str(caught.value)
    process.stop()


def test_a_taken_name_is_a_wrong_request(tmp_path: Path, plugin: Path) -> None:
    """Else the other scorer's numbers would stand for those of the file."""
    path = tmp_path / "mine.py"
    path.write_text("import prunebench as pb\nclass Mine(pb.Scorer):\n    name, score = 'magnitude', None")
    for files, spec in (
        ([path], "magnitude"),
        ([path], "snip"),
        ([], f"{path}:Mine"),
        ([], f"{path}:magnitude"),
    ):
        with pytest.raises(pb.RequestError, match="'magnitude' is taken by prunebench"):
            Isolation(SCORERS, files=files).load(spec)


def test_a_spec_may_name_its_file(run: pb.Trajectory, plugin: Path) -> None:
    with Isolation(SCORERS) as isolation:
        scorer = isolation.load(f"{plugin}:Good[alpha=0.5]")
        assert (
            canonical(scorer) == canonical(isolation.load(f"{plugin}:good[alpha=0.5]")) == "good[alpha=0.5]"
        )
        assert execute(scorer, run.snapshot(15)).error is None
        with pytest.raises(pb.RequestError, match="did you mean 'Good'"):
            isolation.load(f"{plugin}:Goof")


def test_wrong_requests_are_refused_and_not_taken_for_broken_plugins(isolation: Isolation[Scorer]) -> None:
    for spec, message in (
        ("god", "did you mean 'good'"),
        ("good[beta=1]", "no parameter 'beta'; its parameters: alpha=1.0"),
        ("good[alpha=x]", "a number is needed"),
        ("good[", "name or name"),
    ):
        with pytest.raises(pb.RequestError, match=message.replace("[", r"\[")):
            isolation.load(spec)


def test_no_process_is_left_behind(run: pb.Trajectory, plugin: Path) -> None:
    with Isolation(SCORERS, files=[plugin]) as isolation:
        assert execute(isolation.load("good"), run.snapshot(15)).error is None
        process = isolation.process._process
        assert process is not None
        os.kill(process.pid, 0)
    assert process.returncode is not None


GREEDY = """
import resource, sys
import torch
import prunebench as pb

torch.Tensor.norm = lambda *_, **__: torch.zeros(())
torch.linalg.norm = torch.zeros_like
pb.Networks.norms = lambda networks: torch.zeros_like(networks.bias)
resource.setrlimit(resource.RLIMIT_AS, (2**32, 2**32))

class Greedy(pb.Scorer):
    name = "greedy"
    def score(self, snapshot):
        return torch.rand_like(snapshot.networks.bias)
"""


def test_what_a_file_does_to_its_process_does_not_reach_another_file(
    run: pb.Trajectory, plugin: Path, tmp_path: Path
) -> None:
    """Else its neighbour would have other scores under the same hash."""
    greedy = tmp_path / "greedy.py"
    greedy.write_text(GREEDY)
    with Isolation(SCORERS, files=[greedy, plugin]) as isolation:
        outcomes = [execute(isolation.load(spec), run.snapshot(15)) for spec in ("greedy", "good")]
    assert [outcome.error for outcome in outcomes] == [None, None]
    assert torch.equal(outcomes[1].scores, run.snapshot(15).networks.norms().cpu())


@pytest.mark.skipif(not FORKS, reason="plugins share a process here")
def test_each_of_many_files_has_a_process_that_stays(run: pb.Trajectory, tmp_path: Path) -> None:
    """However its path is written; none is imported again."""
    log, paths = tmp_path / "imported", [tmp_path / f"file{number}.py" for number in range(12)]
    for number, path in enumerate(paths):
        text = PLUGIN.replace('name = "', f'name = "of{number}_')
        path.write_text(f"{text}\nopen({str(log)!r}, 'a').write(f'{{os.getpid()}}\\n')\n")
    with Isolation(SCORERS, files=paths) as isolation:
        scorers = [isolation.load(f"of{number}_good") for number in range(12)]
        same = isolation.load(f"{tmp_path}/../{tmp_path.name}/file0.py:Good")
        for scorer in (*scorers, *scorers, same):
            assert execute(scorer, run.snapshot(15)).error is None
    processes = log.read_text().split()
    assert len(processes) == len({*processes}) == 12


def has_ended(process: int) -> bool:
    return not Path(f"/proc/{process}/exe").exists()  # nor has one that nobody has waited for


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="processes are looked up in /proc")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_scorer_that_never_ends_ends_with_its_parent(plugin: Path, how: signal.Signals) -> None:
    """In compiled code that keeps the interpreter to itself, and so does what it has started."""
    ask = (
        "import sys\nfrom prunebench.plugin.process import PluginProcess\n"
        "worker = PluginProcess('prunebench.scoring.server')\n"
        "print(worker.start().pid, flush=True)\n"
        "worker.ask('names', None, origin='', files=[], file=sys.argv[1])"
    )
    hanging = plugin.with_name("hanging.py")
    hanging.write_text(
        "import subprocess\nchild = subprocess.Popen(['sleep', '1000'])\n"
        "print('started', child.pid, flush=True)\nsum(range(10**15))\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", ask, str(hanging)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    with parent:
        assert parent.stdout is not None
        assert parent.stderr is not None
        worker = int(parent.stdout.readline())
        word, child = parent.stderr.readline().split()
        assert word == "started"
        parent.send_signal(how)
    until = time.monotonic() + 30
    while not (has_ended(worker) and has_ended(int(child))) and time.monotonic() < until:
        time.sleep(0.1)
    assert has_ended(worker)
    assert has_ended(int(child))


def test_a_worker_that_was_lost_between_requests_is_started_again(run: pb.Trajectory, plugin: Path) -> None:
    with Isolation(SCORERS, files=[plugin]) as isolation:
        good = isolation.load("good")
        os.kill(isolation.process.start().pid, signal.SIGKILL)
        time.sleep(0.5)
        assert execute(good, run.snapshot(15)).error is None


def test_a_scorer_that_need_be_asked_once_says_so(isolation: Isolation[Scorer]) -> None:
    for spec, once in (("imp", True), ("imp[rewind=snapshot]", False), ("good", False), ("trains", True)):
        scorer = isolation.load(spec)
        assert isinstance(scorer, StandIn)
        assert scorer.initial_only is once
        assert canonical(scorer) == spec


def test_a_scorer_says_over_how_many_draws_it_is_averaged(isolation: Isolation[Scorer]) -> None:
    """Those with a time limit stand elsewhere, too: Hutchinson's one draw costs a tenth of ten."""
    for name, draws in (("few", 2), ("hutchinson", 1), ("random", 10)):
        found = isolation.load(name).board_draws
        assert (found, type(found)) == (draws, int)
    assert isolation.load("few").stochastic is True
