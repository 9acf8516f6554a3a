"""A sweep that is killed goes on where it was: nothing is lost, doubled or computed again."""

import json
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sweep_process import records, start, sweep, values

Found = dict[tuple[Any, ...], tuple[Any, str]]
Values = dict[tuple[Any, ...], Any]
pytestmark = pytest.mark.xdist_group("processes that sweep")


def expect_kept(before: Found, after: Found) -> None:
    """What was there is there, as it was, and from the same sweep: it was not computed again."""
    assert {key: after.get(key) for key in before} == before


def expect_whole(folder: Path, before: Found, undisturbed: Values) -> None:
    """One more sweep ends well, with everything there."""
    said = sweep(folder, mark="last")
    assert said.endswith("exit code 0"), said
    after = records(folder)
    expect_kept(before, after)
    assert values(after) == undisturbed
    assert len(list((folder / "boards").glob("*.json"))) == 4


def kill_often(
    fresh: Callable[[], Path], kills: int, undisturbed: Values, kill: Callable[[Any], Any], *arguments: str
) -> None:
    """Interrupt `kills` sweeps, each at a random moment; in a new folder once all is done in one."""
    timed = fresh()
    began = time.perf_counter()
    sweep(timed, *arguments)
    whole = time.perf_counter() - began
    folder, found = fresh(), Found()
    draw = random.Random(time.time_ns())
    while kills:
        process, began = start(folder, *arguments, mark=f"start{kills}"), time.perf_counter()
        process.join(moment := draw.uniform(0, whole))
        if process.exitcode is None:
            print(f"after {moment:.3f} of {whole:.3f} s")
            kill(process)
            kills -= 1
        else:
            whole = time.perf_counter() - began
        there = records(folder) if (folder / "store" / "results.sqlite").exists() else {}
        expect_kept(found, there)
        for board in (folder / "boards").glob("*.json"):
            json.loads(board.read_text())
        found = there
        if process.exitcode == 0 or not kills:
            expect_whole(folder, found, undisturbed)
            folder, found = fresh(), {}


def kill_driver(process: Any) -> None:
    process.kill()
    process.join()


def kill_worker(process: Any) -> None:
    """The youngest of the processes that the sweep has started, if any; the sweep goes on to its end."""
    import psutil

    for child in psutil.Process(process.pid).children()[-1:]:
        print("killed", child.pid)
        child.kill()
    process.join()
    assert process.exitcode == 0


def test_killed_and_gone_on(fresh: Callable[[], Path], undisturbed: Values) -> None:
    kill_often(fresh, 3, undisturbed, kill_driver)


@pytest.mark.slow
def test_twenty_kills_of_a_sweep(fresh: Callable[[], Path], undisturbed: Values) -> None:
    kill_often(fresh, 20, undisturbed, kill_driver)


@pytest.mark.slow
def test_five_kills_of_a_sweep_with_workers(fresh: Callable[[], Path], undisturbed: Values) -> None:
    pytest.importorskip("distributed")
    kill_often(fresh, 5, undisturbed, kill_driver, "--workers", "2")


@pytest.mark.slow
def test_five_kills_of_workers(fresh: Callable[[], Path], undisturbed: Values) -> None:
    pytest.importorskip("distributed")
    kill_often(fresh, 5, undisturbed, kill_worker, "--workers", "2")


def test_two_sweeps_into_one_store_at_once(fresh: Callable[[], Path], undisturbed: Values) -> None:
    folder = fresh()
    both = [start(folder, mark=f"sweep{number}") for number in range(2)]
    for process in both:
        process.join()
        assert process.exitcode == 0, (folder / "said.txt").read_text()
    found = records(folder)
    assert values(found) == undisturbed
    by_job: dict[str, set[str]] = {}
    for key, (_, mark) in found.items():
        by_job.setdefault(key[1], set()).add(mark)
    assert {len(marks) for marks in by_job.values()} == {1}, "a job was computed by both"
    assert {mark for marks in by_job.values() for mark in marks} == {"sweep0", "sweep1"}


@pytest.mark.slow
def test_workers_compute_what_one_process_does(fresh: Callable[[], Path], undisturbed: Values) -> None:
    pytest.importorskip("distributed")
    folder = fresh()
    said = sweep(folder, "--workers", "2", mark="workers")
    assert said.endswith("exit code 0"), said
    assert values(records(folder)) == undisturbed
