"""The benchmark on networks of several layers, and on tasks of several classes."""

import pytest

import prunebench as pb
from prunebench.benchmark import Plan, run_benchmark
from prunebench.evaluation.fractions import FRACTIONS, LAYERED_FRACTIONS
from prunebench.results import Document
from prunebench.store.store import Store


@pytest.fixture(scope="module")
def task() -> pb.Task:
    return pb.load_task("digits", classes="all", samples=400)


def plan_of(task: pb.Task, network: str | None, **others: object) -> Plan:
    if network is None:
        recipe = pb.Recipe(width=20, init_std=0.05, learning_rate=0.01, batch_size=16, steps=60)
    else:
        recipe = pb.Recipe(network=pb.load_network(network), learning_rate=0.01, batch_size=16, steps=60)
    scorers = [pb.load_scorer("snip")]
    settings = {"at_steps": (0, 20), "seeds": range(3), "device": "cpu"} | others
    return Plan(task, recipe, scorers, **settings)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def found(task: pb.Task) -> Document:
    return run_benchmark(plan_of(task, "mlp[widths=20-10]"))


def test_a_network_of_layers_is_measured(found: Document) -> None:
    oracle = next(row for row in found.rows if row.name == "oracle")
    assert oracle.metrics["spearman",].mean == oracle.metrics["spearman_by_layer", "fc2"].mean == 1
    for row in (row for row in found.rows if row.status == "ok"):
        shares = [path[2] for path in row.metrics if path[:2] == ("accuracy", "prune_final")]
        assert shares == [f"{share:g}" for share in LAYERED_FRACTIONS]
        kept = [row.metrics["accuracy", "prune_final", share].kept for share in shares]
        assert kept == [16 + 8, 13 + 6, 10 + 5, 7 + 4, 4 + 2]
        assert ("spearman_within_groups",) not in row.metrics
    assert len(found.rows[0].example.scores) == 30  # type: ignore[union-attr]


def test_a_shallow_network_of_ten_classes_is_measured(task: pb.Task) -> None:
    document = run_benchmark(plan_of(task, None))
    for row in document.rows:
        assert row.status == "ok"
        assert {path[2] for path in row.metrics if path[:2] == ("accuracy", "merge")} == {
            f"{share:g}" for share in FRACTIONS
        }
        assert not {("spearman_within_groups",), ("sign_agreement",)} & set(row.metrics)
    assert ("groups", "all") not in document.training.metrics


def test_results_of_a_layered_network_are_kept(task: pb.Task, found: Document) -> None:
    store = Store()
    plan = plan_of(task, "mlp[widths=20-10]")
    run_benchmark(plan, store=store)
    again = run_benchmark(plan, store=store)
    assert [row.metrics for row in again.rows] == [row.metrics for row in found.rows]
