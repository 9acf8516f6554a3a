"""Handing jobs to workers: what comes back, what fails, what others work on. The worker is this process."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from studies import small_study

import prunebench as pb
from prunebench.benchmark.reporter import Reporter
from prunebench.store.store import Store
from prunebench.sweep import attempt, dispatch, driver
from prunebench.sweep.attempt import Attempted
from prunebench.sweep.boards import Boards
from prunebench.sweep.cluster import Cluster
from prunebench.sweep.plans import Options, plans_of
from prunebench.sweep.progress import SweepProgress
from prunebench.sweep.shipment import pack
from prunebench.sweep.study import read_study
from prunebench.sweep.to_do import describe, find_to_do
from prunebench.sweep.worker import Unfit, fingerprint, run_job

STUDY = small_study()


@dataclass
class Future:
    value: Any

    def done(self) -> bool:
        return True

    def result(self) -> Any:
        return self.value

    def release(self) -> None: ...


class Client:
    """In place of Dask's: one worker, which does each job at once."""

    def __init__(self, size: int = 2) -> None:
        self.size = size
        self.submitted: list[Any] = []

    def scheduler_info(self) -> Any:
        return {"workers": range(self.size)}

    def submit(self, do: Callable[..., Any], *arguments: Any, pure: bool) -> Future:
        assert not pure
        self.submitted.append(arguments)
        return Future(do(*arguments))


class Lines(Reporter):
    def __init__(self) -> None:
        self.lines: list[str] = []
        self.bars: list[tuple[int, int]] = []

    def plan(self, text: str) -> None:
        self.lines.append(text)

    def progress(self, stage: str, done: int, total: int, unit: str) -> None:
        if stage == "jobs":
            self.bars.append((done, total))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "store") as opened:
        yield opened


class Sweep:
    """A sweep of the study into a store."""

    def __init__(self, folder: Path, store: Store, text: str = STUDY) -> None:
        (folder / "study.toml").write_text(text)
        (folder / "boards").mkdir(exist_ok=True)
        self.jobs = plans_of(read_study(folder / "study.toml"))
        self.store, self.folder, self.lines = store, folder, Lines()

    def __call__(self, client: Any = None, *, force: bool = False) -> int:
        """Here, or on the workers of a client."""
        items, boards = find_to_do(self.jobs, self.store, force=force), Boards(self.folder / "boards")
        address = None if client is None else "tcp://worker:1"
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(driver, "remote_client", lambda _: nullcontext(client))
            patch.setattr(Cluster, "_wait", lambda _: None)
            return driver.sweep(
                items, Options(), self.store, self.lines, boards, force=force, cluster=address
            )

    def results(self) -> list[tuple[Any, ...]]:
        return self.store.rows(
            "SELECT training, seed, step, scorer, protocol, keep, metrics FROM results "
            "JOIN scorings ON id = scoring ORDER BY 1, 2, 3, 4, 5, 6"
        )


def test_workers_give_what_this_process_gives(tmp_path: Path, store: Store) -> None:
    sweep, workers = Sweep(tmp_path, store), Client()
    assert sweep(workers) == 0
    assert len(workers.submitted) == 2
    with Store(tmp_path / "other") as other:
        alone = Sweep(tmp_path, other)
        assert alone() == 0
        assert alone.results() == sweep.results()
    assert sweep.lines.bars[-1] == (2, 2)
    assert "width=8" in sweep.lines.lines[1], "the heavier job is to come first"
    assert "(2 of 2)" in sweep.lines.lines[-1]
    assert len(list((tmp_path / "boards").glob("*.json"))) == 2


def test_what_is_done_is_not_sent_and_what_is_there_is_sent_along(tmp_path: Path, store: Store) -> None:
    Sweep(tmp_path, store)(Client())
    again = Client()
    assert Sweep(tmp_path, store)(again) == 0
    assert again.submitted == []
    more = Client()
    sweep = Sweep(tmp_path, store, STUDY.replace('["alignment"]', '["alignment", "snip"]'))
    before = store.rows("SELECT training, seed, step, sha256, provenance FROM networks")
    assert sweep(more) == 0
    assert [len(shipment[1]) for *_, shipment in more.submitted] == [4, 4]  # 2 seeds, 2 steps
    _, back = run_job(*more.submitted[0])
    assert back[1] == {}, "networks that were sent along come back"
    assert store.rows("SELECT training, seed, step, sha256, provenance FROM networks") == before
    assert {row[3] for row in sweep.results()} >= {"alignment", "snip"}
    forced = Client()
    assert sweep(forced, force=True) == 0
    assert [shipment for *_, shipment in forced.submitted] == [None, None]


def test_what_is_damaged_in_the_store_is_made_again(tmp_path: Path, store: Store) -> None:
    sweep = Sweep(tmp_path, store)
    sweep(Client())
    before = sweep.results()
    with store.writing() as connection:
        connection.execute("UPDATE results SET metrics = '{}' WHERE protocol = 'rank'")
    next((tmp_path / "store" / "networks").rglob("*final*")).write_bytes(b"nonsense")
    assert sweep(Client()) == 0
    assert sweep.results() == before


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[int], None]], list[int]]:
    """Has `fail` called with the width of a job before each attempt; returns what it was called with."""

    def install(fail: Callable[[int], None]) -> list[int]:
        tries: list[int] = []

        def complete(plan: Any, *arguments: Any, **options: Any) -> Any:
            tries.append(plan.recipe.width)
            fail(len(tries))
            return real(plan, *arguments, **options)

        real = attempt.complete
        monkeypatch.setattr(attempt, "complete", complete)
        return tries

    return install


places = pytest.mark.parametrize("client", [None, Client(size=1)], ids=["here", "on a worker"])


@places
def test_a_job_that_fails_three_times_is_recorded_and_the_sweep_goes_on(
    client: Any, broken: Any, tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(number: int) -> None:
        if tries[-1] == 6:
            raise MemoryError("too\nmuch")

    sweep, tries = Sweep(tmp_path, store), broken(fail)
    assert sweep(client) == 1
    assert sorted(tries) == [6, 6, 6, 8]
    (failure,) = store.rows("SELECT training, error, attempts FROM failures")
    assert failure == (sweep.jobs[0][1].training, "MemoryError: too much", 3)
    assert any("width=6: failed: MemoryError: too much" in line for line in sweep.lines.lines)
    assert {row[0] for row in sweep.results()} == {sweep.jobs[1][1].training}
    monkeypatch.undo()
    assert sweep(client) == 0
    assert store.rows("SELECT * FROM failures") == []


@places
def test_one_more_attempt_may_go_better(client: Any, broken: Any, tmp_path: Path, store: Store) -> None:
    def fail(number: int) -> None:
        if number < 3:
            raise OSError("gone")

    tries = broken(fail)
    assert Sweep(tmp_path, store)(client) == 0
    assert len(tries) == 4
    assert store.rows("SELECT * FROM failures") == []


@places
def test_what_the_request_makes_fail_is_tried_once(
    client: Any, broken: Any, tmp_path: Path, store: Store
) -> None:
    def fail(_: int) -> None:
        raise pb.PrunebenchError("training diverged")

    tries = broken(fail)
    assert Sweep(tmp_path, store)(client) == 2
    assert len(tries) == 2
    assert store.rows("SELECT error, attempts FROM failures") == [("training diverged", 1)] * 2


def test_jobs_of_others_are_left_for_later(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = Sweep(tmp_path, store)
    with Store(tmp_path / "store") as other:
        claim = other.claimed(sweep.jobs[1][1].training)
        claim.__enter__()
        naps: list[float] = []

        def nap(seconds: float) -> None:
            naps.append(seconds)
            if seconds == dispatch.BUSY_SECONDS:  # whoever waits for a subprocess takes naps of its own
                claim.__exit__(None, None, None)

        monkeypatch.setattr("prunebench.sweep.dispatch.time.sleep", nap)
        workers = Client()
        assert sweep(workers) == 0
    assert [job.recipe.width for job, *_ in workers.submitted] == [6, 8]
    assert naps.count(dispatch.BUSY_SECONDS) == 1


def test_a_heavy_job_that_waits_for_its_networks_keeps_its_place(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driver, "WAITING", 0)
    head, settings = STUDY.replace("width = [6, 8]\n", "").split("at_steps = [10]\n")
    grids = [
        f"[[grid]]\nrecipe.width = {widths}\nrun = {{ at_steps = [{step}] }}\n"
        for widths, step in (([90], 10), ([90], 20), ([6, 7, 8], 10))
    ]
    sweep, workers = Sweep(tmp_path, store, head + settings + "".join(grids)), Client(size=1)
    assert sweep(workers) == 0
    # The second job of 90 is to be had once what the first one gave is in the store.
    assert [job.recipe.width for job, *_ in workers.submitted] == [90, 8, 90, 7, 6]


def test_here_jobs_of_others_are_left_for_last_and_waited_for(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = Sweep(tmp_path, store)
    with Store(tmp_path / "store") as other, ExitStack() as claim:
        claim.enter_context(other.claimed(sweep.jobs[0][1].training))

        def hear(text: str) -> None:
            said(text)
            if text.startswith("width=8: "):  # done, so the other one is waited for
                threading.Timer(0.3, claim.close).start()

        said = sweep.lines.plan
        monkeypatch.setattr(sweep.lines, "plan", hear)
        assert sweep() == 0
    ended = [line.partition(":")[0] for line in sweep.lines.lines if line.startswith("width=")]
    assert ended == ["width=8", "width=6"]
    assert {row[0] for row in sweep.results()} == {job.training for _, job in sweep.jobs}


def test_a_worker_with_other_code_or_data_refuses(tmp_path: Path, store: Store) -> None:
    (job, plan), _ = Sweep(tmp_path, store).jobs
    expected = fingerprint(plan)
    attempted, _ = run_job(job, Options(), expected, pack(store, plan.training))
    assert attempted.error == ""
    for name in ("data", "scorer alignment", "evaluator"):
        with pytest.raises(Unfit, match=name):
            run_job(job, Options(), expected | {name: "other"}, None)
    with pytest.raises(Unfit, match=r"/no/such\.py"):
        run_job(job, Options(plugins=("/no/such.py",)), expected, None)


def test_a_worker_that_is_unfit_ends_the_sweep(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = Client()

    class Raising(Future):
        def result(self) -> Any:
            raise self.value

    monkeypatch.setattr(client, "submit", lambda *_, **__: Raising(Unfit("not the same: data")))
    with pytest.raises(pb.PrunebenchError, match="a worker cannot do its job: not the same: data"):
        Sweep(tmp_path, store)(client)


def test_a_plan_of_the_whole_and_time_left(tmp_path: Path, store: Store) -> None:
    sweep = Sweep(tmp_path, store)
    items = find_to_do(sweep.jobs, store)
    describe(items, sweep.lines, each=True)
    assert sweep.lines.lines == [
        "width=6: 8 of 8 to compute",
        "width=8: 8 of 8 to compute",
        "2 jobs, 2 of them to compute; 0 of 16 results are in the store; networks to train: 4; "
        "estimated time: unknown (nothing was timed here before)",
    ]
    sweep(Client())
    progress = SweepProgress(items, 2, Boards(tmp_path), sweep.lines)
    before = progress.seconds_left
    assert before is None
    progress.end(items[0], Attempted(None, "no"))
    left = progress.seconds_left
    assert left is not None
    assert 0 < left < 60
    progress.end(items[1], Attempted(None, "no"))
    assert progress.seconds_left is None
    sweep.lines.lines.clear()
    describe(find_to_do(sweep.jobs, store), sweep.lines, each=True)
    assert sweep.lines.lines[0] == "width=6: done"
    assert sweep.lines.lines[2] == "2 jobs, 0 of them to compute; 16 of 16 results are in the store"
    more = find_to_do(Sweep(tmp_path, store, STUDY.replace("[6, 8]", "[6, 8, 12]")).jobs, store)
    assert [item.lacking for item in more] == [0, 0, 8]
    assert more[2].estimate.seconds is not None
    assert replace(more[2], lacking=4).weight == more[2].weight // 2


def test_boards_know_what_they_hold(tmp_path: Path, store: Store) -> None:
    sweep = Sweep(tmp_path, store)
    boards = Boards(tmp_path / "boards")
    plan = sweep.jobs[0][1]
    assert not boards.hold(plan)
    sweep(Client())
    assert boards.hold(plan)
    more = plans_of(read_study(tmp_path / "study.toml"))[0][1]
    assert boards.hold(more)
    for change in ({"seeds": (0, 1, 2)}, {"at_steps": (10, 20)}, {"protocols": ("rank", "merge")}):
        assert not boards.hold(replace(plan, **change))
    for file in (tmp_path / "boards").glob("*.json"):
        file.write_text("{")
    assert not boards.hold(plan)


def test_boards_know_how_long_their_pruned_networks_trained_on(tmp_path: Path, store: Store) -> None:
    sweep = Sweep(tmp_path, store, STUDY.replace('["rank"]', '["rank", "finetune"]'))
    boards = Boards(tmp_path / "boards")
    plan = sweep.jobs[0][1]
    sweep(Client())
    assert boards.hold(plan)
    assert not boards.hold(replace(plan, finetune_steps=plan.finetuned + 1))


def test_dask_that_is_not_there_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    from prunebench.sweep.cluster import local_client

    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(pb.RequestError, match=r'workers: got 2; .*pip install "prunebench\[cluster\]"'):
        local_client(2).__enter__()
