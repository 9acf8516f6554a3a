"""Handing jobs to workers: what comes back, what fails, what others work on. The worker is this process."""

import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from one_worker import STUDY, Client, Future, Sweep

import prunebench as pb
from prunebench.store.store import Store
from prunebench.sweep import attempt, dispatch, driver
from prunebench.sweep.plans import Options
from prunebench.sweep.shipment import pack
from prunebench.sweep.worker import Unfit, fingerprint, run_job


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


def test_what_workers_did_of_the_largest_seeds_is_kept(tmp_path: Path, store: Store) -> None:
    seeds = [2**63 - 2, 2**63 - 1]
    sweep = Sweep(tmp_path, store, STUDY.replace("seeds = 2", f"seeds = {seeds}"))
    assert sweep(Client()) == 0
    assert sorted({row[1] for row in sweep.results()}) == seeds
    again = Client()
    assert sweep(again) == 0
    assert again.submitted == []


def test_what_comes_back_damaged_is_said(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def garbled(*arguments: Any, **options: Any) -> Future:
        attempted, (database, files) = submit(*arguments, **options).value
        return Future((attempted, (database, dict.fromkeys(files, b"nonsense"))))

    client = Client()
    submit = client.submit
    monkeypatch.setattr(client, "submit", garbled)
    with pytest.raises(pb.PrunebenchError, match=r"a worker sent back is damaged, .*final.*; run again$"):
        Sweep(tmp_path, store)(client)


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
    client, future = Client(), Future(None)

    def result() -> None:
        raise Unfit("not the same: data")

    monkeypatch.setattr(future, "result", result)
    monkeypatch.setattr(client, "submit", lambda *_, **__: future)
    with pytest.raises(pb.PrunebenchError, match="a worker cannot do its job: not the same: data"):
        Sweep(tmp_path, store)(client)


def test_dask_that_is_not_there_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    from prunebench.sweep.cluster import local_client

    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(pb.RequestError, match=r'workers: got 2; .*pip install "prunebench\[cluster\]"'):
        local_client(2).__enter__()
