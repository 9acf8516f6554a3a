"""Handing cells to workers: what comes back, what fails, what others work on. The worker is this process."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from studies import small_study

import prunebench as pb
from prunebench.benchmark.reporter import Reporter
from prunebench.store.store import Store
from prunebench.sweep import cluster, local
from prunebench.sweep.boards import Boards
from prunebench.sweep.cells import Options, plans_of
from prunebench.sweep.dispatch import BUSY_SECONDS, Dispatch
from prunebench.sweep.local import run_local
from prunebench.sweep.progress import SweepProgress
from prunebench.sweep.shipment import pack
from prunebench.sweep.study import read_study
from prunebench.sweep.to_do import ToDo, describe, find_to_do
from prunebench.sweep.worker import Answer, Job, fingerprint, run_cell

STUDY = small_study()


class OneWorker(cluster.Workers):
    """Does each job at once, as `do` says."""

    def __init__(self, do: Callable[[Job], Answer] = run_cell, size: int = 2) -> None:
        self.do, self.size = do, size
        self.jobs: list[Job] = []
        self._answers: list[tuple[ToDo, Answer]] = []

    def room(self) -> int:
        return self.size - len(self._answers)

    def submit(self, item: ToDo, job: Job) -> None:
        self.jobs.append(job)
        self._answers.append((item, self.do(job)))

    def answers(self, seconds: float) -> Iterator[tuple[ToDo, Answer]]:
        answers, self._answers = self._answers, []
        yield from answers


class Lines(Reporter):
    def __init__(self) -> None:
        self.lines: list[str] = []
        self.bars: list[tuple[int, int]] = []

    def plan(self, text: str) -> None:
        self.lines.append(text)

    def progress(
        self, stage: str, done: int, total: int, unit: str, seconds_left: float | None = None
    ) -> None:
        if stage == "cells":
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
        self.cells = plans_of(read_study(folder / "study.toml"))
        self.store, self.folder, self.lines = store, folder, Lines()

    def __call__(self, workers: Any, *, force: bool = False) -> int:
        items = find_to_do(self.cells, self.store, force=force)
        progress = SweepProgress(items, 0, Boards(self.folder / "boards"), self.lines, self.store)
        if workers is None:
            run_local(items, self.store, self.lines, progress, force=force)
        else:
            Dispatch(workers, items, Options(), self.store, progress, force=force).run()
        return progress.failed

    def results(self) -> list[tuple[Any, ...]]:
        return self.store.rows(
            "SELECT training, seed, step, scorer, protocol, keep, metrics FROM results "
            "JOIN scorings ON id = scoring ORDER BY 1, 2, 3, 4, 5, 6"
        )


def test_workers_give_what_this_process_gives(tmp_path: Path, store: Store) -> None:
    sweep, workers = Sweep(tmp_path, store), OneWorker()
    assert sweep(workers) == 0
    assert len(workers.jobs) == 2
    with Store(tmp_path / "other") as other:
        alone = Sweep(tmp_path, other)
        assert alone(None) == 0
        assert alone.results() == sweep.results()
    assert sweep.lines.bars[-1] == (2, 2)
    assert "width=8" in sweep.lines.lines[0], "the heavier cell is to come first"
    assert "(2 of 2)" in sweep.lines.lines[-1]
    assert len(list((tmp_path / "boards").glob("*.json"))) == 2


def test_what_is_done_is_not_sent_and_what_is_there_is_sent_along(tmp_path: Path, store: Store) -> None:
    Sweep(tmp_path, store)(OneWorker())
    again = OneWorker()
    assert Sweep(tmp_path, store)(again) == 0
    assert again.jobs == []
    more = OneWorker()
    sweep = Sweep(tmp_path, store, STUDY.replace('["alignment"]', '["alignment", "snip"]'))
    before = store.rows("SELECT training, seed, step, sha256, provenance FROM networks")
    assert sweep(more) == 0
    assert all(job.shipment is not None and len(job.shipment[1]) == 4 for job in more.jobs)
    answer = run_cell(more.jobs[0])
    assert answer.shipment is not None
    assert answer.shipment[1] == {}, "networks that were sent along come back"
    assert store.rows("SELECT training, seed, step, sha256, provenance FROM networks") == before
    assert {row[3] for row in sweep.results()} >= {"alignment", "snip"}
    forced = OneWorker()
    assert sweep(forced, force=True) == 0
    assert [job.shipment for job in forced.jobs] == [None, None]


def test_what_is_damaged_in_the_store_is_made_again(tmp_path: Path, store: Store) -> None:
    sweep = Sweep(tmp_path, store)
    sweep(OneWorker())
    before = sweep.results()
    with store.writing() as connection:
        connection.execute("UPDATE results SET metrics = '{}' WHERE protocol = 'rank'")
    next((tmp_path / "store" / "networks").rglob("*final*")).write_bytes(b"nonsense")
    assert sweep(OneWorker()) == 0
    assert sweep.results() == before


def test_a_cell_that_fails_three_times_is_recorded_and_the_sweep_goes_on(
    tmp_path: Path, store: Store
) -> None:
    tries: list[int] = []

    def do(job: Job) -> Answer:
        if job.cell.recipe["width"] == 6:
            tries.append(6)
            return Answer(error="MemoryError: too much", again=True)
        return run_cell(job)

    sweep = Sweep(tmp_path, store)
    assert sweep(OneWorker(do)) == 1
    assert len(tries) == 3
    (failure,) = store.rows("SELECT training, error, attempts FROM failures")
    assert failure == (sweep.cells[0][1].training, "MemoryError: too much", 3)
    assert any("width=6: failed: MemoryError: too much" in line for line in sweep.lines.lines)
    assert {row[0] for row in sweep.results()} == {sweep.cells[1][1].training}
    assert sweep(OneWorker()) == 0
    assert store.rows("SELECT * FROM failures") == []


def test_one_more_attempt_may_go_better(tmp_path: Path, store: Store) -> None:
    tries: list[int] = []

    def do(job: Job) -> Answer:
        tries.append(0)
        return Answer(error="OSError: gone", again=True) if len(tries) < 3 else run_cell(job)

    sweep = Sweep(tmp_path, store)
    assert sweep(OneWorker(do, size=1)) == 0
    assert len(tries) == 4
    assert store.rows("SELECT * FROM failures") == []


def test_what_the_request_makes_fail_is_tried_once(tmp_path: Path, store: Store) -> None:
    workers = OneWorker(lambda job: Answer(error="training diverged"))
    assert Sweep(tmp_path, store)(workers) == 2
    assert len(workers.jobs) == 2
    assert store.rows("SELECT error, attempts FROM failures") == [("training diverged", 1)] * 2


def test_cells_of_others_are_left_for_later(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = Sweep(tmp_path, store)
    with Store(tmp_path / "store") as other:
        claim = other.claimed(sweep.cells[1][1].training)
        claim.__enter__()
        naps: list[float] = []

        def nap(seconds: float) -> None:
            naps.append(seconds)
            if seconds == BUSY_SECONDS:  # whoever waits for a subprocess takes naps of its own
                claim.__exit__(None, None, None)

        monkeypatch.setattr("prunebench.sweep.dispatch.time.sleep", nap)
        workers = OneWorker()
        assert sweep(workers) == 0
    assert [job.cell.recipe["width"] for job in workers.jobs] == [6, 8]
    assert naps.count(BUSY_SECONDS) == 1


def test_a_worker_with_other_code_or_data_refuses(tmp_path: Path, store: Store) -> None:
    (cell, plan), _ = Sweep(tmp_path, store).cells
    expected = fingerprint(plan)
    assert run_cell(Job(cell, Options(), expected, None)).error == ""
    for name in ("data", "scorer alignment", "evaluator"):
        answer = run_cell(Job(cell, Options(), expected | {name: "other"}, None))
        assert answer.unfit
        assert name in answer.error
    missing = run_cell(Job(cell, Options(plugins=("/no/such.py",)), expected, None))
    assert missing.unfit
    assert "/no/such.py" in missing.error


def test_errors_of_any_kind_are_answers(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    (cell, plan), _ = Sweep(tmp_path, store).cells
    job = Job(cell, Options(), fingerprint(plan), pack(store, plan.training))

    def broken(*_: Any, **__: Any) -> None:
        raise MemoryError("two\nlines")

    monkeypatch.setattr("prunebench.sweep.worker.run_benchmark", broken)
    answer = run_cell(job)
    assert (answer.error, answer.again, answer.unfit) == ("MemoryError: two lines", True, False)


def test_an_attempt_here_is_repeated_too(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep, real, tries = Sweep(tmp_path, store), local.run_benchmark, []

    def broken(plan: Any, *arguments: Any, **options: Any) -> Any:
        tries.append(plan.recipe.width)
        if plan.recipe.width == 6 or len(tries) == 4:
            raise OSError("no luck")
        return real(plan, *arguments, **options)

    monkeypatch.setattr(local, "run_benchmark", broken)
    assert sweep(None) == 1
    assert tries == [6, 6, 6, 8, 8]
    assert store.rows("SELECT error, attempts FROM failures") == [("OSError: no luck", 3)]


def test_a_plan_of_the_whole_and_time_left(tmp_path: Path, store: Store) -> None:
    sweep = Sweep(tmp_path, store)
    items = find_to_do(sweep.cells, store)
    describe(items, sweep.lines, each=True)
    assert sweep.lines.lines == [
        "width=6: 8 of 8 to compute",
        "width=8: 8 of 8 to compute",
        "2 cells, 2 of them to compute; 0 of 16 results are in the store; "
        "estimated time: unknown (nothing was timed here before)",
    ]
    sweep(OneWorker())
    progress = SweepProgress(items, 0, Boards(tmp_path), sweep.lines, store)
    before = progress.seconds_left
    assert before is None
    progress.give_up(items[0], "no")
    left = progress.seconds_left
    assert left is not None
    assert 0 < left < 60
    progress.give_up(items[1], "no")
    assert progress.seconds_left is None
    sweep.lines.lines.clear()
    describe(find_to_do(sweep.cells, store), sweep.lines, each=True)
    assert sweep.lines.lines[0] == "width=6: done"
    assert sweep.lines.lines[2] == "2 cells, 0 of them to compute; 16 of 16 results are in the store"
    more = find_to_do(Sweep(tmp_path, store, STUDY.replace("[6, 8]", "[6, 8, 12]")).cells, store)
    assert [item.lacking for item in more] == [0, 0, 8]
    assert more[2].estimate.seconds is not None
    assert replace(more[2], lacking=4).weight == more[2].weight / 2


def test_boards_know_what_they_hold(tmp_path: Path, store: Store) -> None:
    sweep = Sweep(tmp_path, store)
    boards = Boards(tmp_path / "boards")
    plan = sweep.cells[0][1]
    assert not boards.hold(plan)
    sweep(OneWorker())
    assert boards.hold(plan)
    more = plans_of(read_study(tmp_path / "study.toml"))[0][1]
    assert boards.hold(more)
    for change in ({"seeds": (0, 1, 2)}, {"at_steps": (10, 20)}, {"protocols": ("rank", "merge")}):
        assert not boards.hold(replace(plan, **change))
    for file in (tmp_path / "boards").glob("*.json"):
        file.write_text("{")
    assert not boards.hold(plan)


def test_dask_that_is_not_there_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    from prunebench.sweep.cluster import local_workers

    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(pb.RequestError, match=r'--workers: got 2; .*pip install "prunebench\[cluster\]"'):
        local_workers(2).__enter__()
