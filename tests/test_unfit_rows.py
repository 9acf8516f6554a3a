"""Scorers that cannot take a plan's networks: a wrong request of a run, a row of a sweep."""

from pathlib import Path

import pytest

import prunebench as pb
from prunebench.benchmark.plan import Plan
from prunebench.benchmark.reporter import Reporter
from prunebench.benchmark.run import complete, run_plan
from prunebench.leaderboard.board import Board
from prunebench.plugin.isolation import Isolation
from prunebench.scoring.registry import SCORERS
from prunebench.store.store import Store
from prunebench.sweep.boards import Boards
from prunebench.sweep.driver import sweep
from prunebench.sweep.plans import Options, plans_of
from prunebench.sweep.study import Job, read_study
from prunebench.sweep.to_do import find_to_do

FILE = """
import prunebench as pb

class Narrow(pb.Scorer):
    name = "narrow"

    def unfit(self, networks, task):
        return None if networks.units <= 6 else "6 units at most"

    def score(self, snapshot):
        return snapshot.networks.norms()
"""
STUDY = """
[task]
dataset = "digits"
samples = 40
[recipe]
width = [6, 8]
steps = 40
[run]
scorers = ["narrow", "snip"]
at_steps = [0, 10]
seeds = 2
protocols = ["rank"]
"""


@pytest.fixture
def file(tmp_path: Path) -> str:
    (tmp_path / "narrow.py").write_text(FILE)
    (tmp_path / "study.toml").write_text(STUDY)
    return str(tmp_path / "narrow.py")


@pytest.mark.parametrize("isolated", [False, True])
def test_a_run_is_refused_before_anything_is_trained(
    task: pb.Task, recipe: pb.Recipe, file: str, isolated: bool
) -> None:
    with Isolation(SCORERS, None, [file]) as isolation, Store() as store:
        scorer = isolation.load("narrow") if isolated else pb.load_scorer("narrow", [file])
        plan = Plan(task, recipe, [pb.load_scorer("snip"), scorer], [0], (0, 1))
        with pytest.raises(
            pb.RequestError, match="scorers: got 'narrow'; it cannot take this: 6 units at most"
        ):
            run_plan(plan, store=store)
        assert store.rows("SELECT * FROM trainings") == []
        document = complete(plan, store)
    assert {row.scorer: row.status for row in document.rows} == {
        "snip": "ok",
        "narrow": "unfit",
        "random": "ok",
        "oracle": "ok",
        "twin": "ok",
    }


def test_a_sweep_has_a_row_that_says_why(tmp_path: Path, file: str) -> None:
    jobs = plans_of(read_study(tmp_path / "study.toml"), Options(), lambda spec: pb.load_scorer(spec, [file]))
    with Store(tmp_path / "store") as store:
        items = find_to_do(jobs, store)
        assert [item.results for item in items] == [2 * (1 + 8), 2 * (1 + 6)]  # what is unfit is no result
        (tmp_path / "boards").mkdir()
        boards = Boards(tmp_path / "boards")
        assert sweep(items, Options(), store, Reporter(), boards) == 0
        assert boards.failed == 0
        assert all(boards.hold(plan) for _, plan in jobs)
        assert [item.lacking for item in find_to_do(jobs, store)] == [0, 0]
    narrow, wide = sorted(
        (Board.read(path) for path in (tmp_path / "boards").glob("*.json")), key=lambda b: b.recipe.width
    )
    assert {row.status for row in narrow.rows} == {"ok"}
    unfit = [row for row in wide.rows if row.status != "ok"]
    assert [(row.scorer, row.at_step, row.error) for row in unfit] == [
        ("narrow", 0, "6 units at most"),
        ("narrow", 10, "6 units at most"),
    ]
    assert {(row.metrics == {}, row.draws, row.cost.steps) for row in unfit} == {(True, 0, 0)}


def test_a_row_that_says_why_joins_a_board_that_has_all_else(tmp_path: Path, file: str) -> None:
    def plans(scorers: str) -> list[tuple[Job, Plan]]:
        (tmp_path / "study.toml").write_text(STUDY.replace('["narrow", "snip"]', scorers))
        asked = read_study(tmp_path / "study.toml")
        return plans_of(asked, Options(), lambda spec: pb.load_scorer(spec, [file]))[1:]

    def rows(folder: Path) -> dict[str, str]:
        (path,) = folder.glob("*.json")
        return {row.scorer: row.status for row in Board.read(path).rows}

    wide, both = plans('["snip"]'), plans('["narrow", "snip"]')
    before = {"snip": "ok", "random": "ok", "oracle": "ok"}
    folder = tmp_path / "boards"
    folder.mkdir()
    with Store(tmp_path / "store") as store:
        assert sweep(find_to_do(wide, store), Options(), store, Reporter(), Boards(folder)) == 0
        assert rows(folder) == before
        board = Board.read(next(folder.glob("*.json")))

        boards = Boards(folder)  # as `sweep STUDY` does it
        assert not boards.hold(both[0][1])
        assert sweep(find_to_do(both, store), Options(), store, Reporter(), boards) == 0
        assert boards.hold(both[0][1])
        assert rows(folder) == before | {"narrow": "unfit"}

    joining = Boards(tmp_path / "others", {board.name: board})  # as with --scorer: nothing is trained for it
    alone = plans('["narrow"]')
    assert joining.without_held(alone) == []
    (tmp_path / "others").mkdir()
    joining.add_unfit(plan for _, plan in alone)
    assert rows(tmp_path / "others") == before | {"narrow": "unfit"}
    assert joining.held(alone[0][1]) >= {*alone[0][1].unasked}
    again = Boards(tmp_path / "others")
    again.add_unfit(plan for _, plan in alone)
    assert (again.lost, {*joining.lost}) == ({}, {board.name})
