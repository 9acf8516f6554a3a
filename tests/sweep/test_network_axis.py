"""Networks as an axis of a study: here, in another process, and audited from what the store holds."""

import contextlib
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest
from layered import TINY_FILE

import prunebench as pb
from prunebench.benchmark.audit import audit
from prunebench.benchmark.plan import Plan
from prunebench.benchmark.reporter import Reporter
from prunebench.leaderboard.board import Board
from prunebench.plugin.record import PluginRecord
from prunebench.store.absorb import absorb
from prunebench.store.store import Store
from prunebench.sweep.boards import Boards
from prunebench.sweep.driver import sweep
from prunebench.sweep.plans import Options, from_anywhere, plan_of, plans_of
from prunebench.sweep.shipment import pack, unpack
from prunebench.sweep.study import Job, read_study
from prunebench.sweep.to_do import find_to_do
from prunebench.sweep.worker import Unfit, fingerprint, run_job

STUDY = """
[task]
dataset = "digits"
classes = "0/1/2"
samples = 60
[recipe]
network = ["tiny.py:Tiny", "tiny.py:Tiny[width=5]", "mlp[widths=9-7]"]
steps = 40
[run]
scorers = ["snip"]
at_steps = [10]
seeds = 2
protocols = ["rank", "prune_final"]
keep = [0.5]
"""
NETWORKS = ["tiny", "tiny[width=5]", "mlp[widths=9-7]"]


@pytest.fixture(scope="module", autouse=True)
def _folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with contextlib.chdir(tmp_path_factory.mktemp("networks")):
        Path("tiny.py").write_text(TINY_FILE)
        Path("study.toml").write_text(STUDY)
        Path("boards").mkdir()
        yield


@pytest.fixture(scope="module")
def jobs() -> list[tuple[Job, Plan]]:
    return plans_of(read_study(Path("study.toml")))


@pytest.fixture(scope="module")
def swept(jobs: list[tuple[Job, Plan]]) -> Iterator[Store]:
    with Store(Path("store")) as store:
        boards = Boards(Path("boards"))
        assert sweep(find_to_do(jobs, store), Options(), store, Reporter(), boards) == 0
        assert boards.failed == 0
        yield store


def test_each_has_its_networks_its_board_and_its_name(jobs: list[tuple[Job, Plan]], swept: Store) -> None:
    assert [plan.recipe.network_spec for _, plan in jobs] == NETWORKS
    assert [job.recipe.network for job, _ in jobs][:2] == [
        PluginRecord("tiny.py:Tiny"),
        PluginRecord("tiny.py:Tiny[width=5]"),
    ]
    assert [item.lacking for item in find_to_do(jobs, swept)] == [0, 0, 0]
    boards = {board.recipe.network_spec: board for board in map(Board.read, Path("boards").glob("*.json"))}
    assert set(boards) == set(NETWORKS)
    for _, plan in jobs:
        board = boards[plan.recipe.network_spec]
        assert board.recipe.record == plan.recipe.record
        assert {row.status for row in board.rows} == {"ok"}
        assert board.name.startswith(
            f"digits_n60_{board.recipe.network_spec.replace('[', '-').strip(']')[:4]}"
        )


def test_another_process_computes_the_same_from_the_same_file(
    jobs: list[tuple[Job, Plan]], swept: Store
) -> None:
    job, plan = jobs[1]
    moved, options = from_anywhere(job, Options())
    assert moved.recipe.network == PluginRecord(f"{Path('tiny.py').resolve()}:Tiny[width=5]")
    with ProcessPoolExecutor(1, get_context("spawn")) as process, Store() as store:
        future = process.submit(run_job, moved, options, fingerprint(plan), None)
        attempted, shipment = future.result()
        assert attempted.error == ""
        unpack(store, shipment, plan.training)
        found = absorb(store, swept, training=plan.training)
        assert (found.differing, found.damaged) == ([], [])
        assert found.present == sum(map(len, plan.wanted.values())) * len(plan.seeds)
    assert attempted.document is not None
    assert attempted.document.recipe.network == PluginRecord.of(plan.recipe.network or pb.load_network("mlp"))


def test_a_worker_with_another_network_refuses(jobs: list[tuple[Job, Plan]]) -> None:
    (job, plan), *_ = jobs
    expected = fingerprint(plan)
    with pytest.raises(Unfit, match="not the same as where the sweep runs: network;"):
        run_job(job, Options(), expected | {"network": "tiny 1 f00"}, None)


def test_what_was_shipped_is_not_computed_again(jobs: list[tuple[Job, Plan]], swept: Store) -> None:
    (job, plan), *_ = jobs
    attempted, (_, files) = run_job(job, Options(), fingerprint(plan), pack(swept, plan.training))
    assert (attempted.error, files) == ("", {})


def test_an_audit_asks_for_the_file_of_a_network(swept: Store) -> None:
    found = audit(swept, 1.0, pb.load_scorer, ["tiny.py"])
    assert (found.differing, found.unchecked) == ([], {})
    assert found.rescored == 3 * 2 * 3  # networks, seeds, scorers
    without = audit(swept, 1.0, pb.load_scorer)
    assert without.rescored == 2 * 3
    assert len(without.unchecked) == 2
    assert all("its network tiny is not here (--plugin)" in reason for reason in without.unchecked)


def test_a_network_that_cannot_take_the_task_is_named_with_its_job(tmp_path: Path) -> None:
    (tmp_path / "study.toml").write_text('[task]\ndataset = "digits"\n[recipe]\nnetwork = ["mlp", "lenet"]')
    with pytest.raises(pb.RequestError, match=r"lenet.*12 x 12.*in job network=lenet"):
        plans_of(read_study(tmp_path / "study.toml"))
    (tmp_path / "study.toml").write_text('[recipe]\nnetwork = ["mlp", "lenett"]')
    with pytest.raises(pb.RequestError, match=r"network: got 'lenett'.*in job network=lenett"):
        plans_of(read_study(tmp_path / "study.toml"))


def test_a_plan_of_a_job_has_the_networks_own_defaults(jobs: list[tuple[Job, Plan]]) -> None:
    recipe = plan_of(jobs[2][0], Options()).recipe
    assert recipe == pb.Recipe(
        network=pb.load_network("mlp[widths=9-7]"), learning_rate=0.01, batch_size=16, steps=40
    )
