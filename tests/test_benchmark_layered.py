"""The benchmark on networks of several layers, and on tasks of several classes."""

from dataclasses import replace

import numpy as np
import pytest

import prunebench as pb
from prunebench.benchmark.plan import Plan
from prunebench.benchmark.run import run_plan
from prunebench.evaluation.fractions import FRACTIONS, LAYERED_FRACTIONS
from prunebench.evaluation.protocols import PROTOCOLS
from prunebench.results import Document, Row, Training


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
    return run_plan(plan_of(task, "mlp[widths=20-10]"))


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


def test_how_far_apart_the_final_norms_of_a_layer_are(task: pb.Task, found: Document) -> None:
    plan = plan_of(task, "mlp[widths=20-10]")
    run = pb.train(task, plan.recipe, seeds=plan.seeds, device="cpu")
    for layer, norms in zip(run.final.layers, run.final.norms().double().split([20, 10], dim=1), strict=True):
        low, high = np.percentile(norms.numpy(), [10, 90], axis=1)
        assert found.training.metrics["spread", layer.name].per_seed == pytest.approx(high / low)


def test_a_shallow_network_of_ten_classes_is_measured(task: pb.Task) -> None:
    document = run_plan(plan_of(task, None))
    for row in document.rows:
        assert row.status == "ok"
        assert {path[2] for path in row.metrics if path[:2] == ("accuracy", "merge")} == {
            f"{share:g}" for share in FRACTIONS
        }
        assert not {("spearman_within_groups",), ("sign_agreement",)} & set(row.metrics)
    assert ("groups", "all") not in document.training.metrics


def test_results_of_a_layered_network_are_kept(task: pb.Task, found: Document, open_store) -> None:
    store = open_store()
    plan = plan_of(task, "mlp[widths=20-10]")
    run_plan(plan, store=store)
    again = run_plan(plan, store=store)
    assert [row.metrics for row in again.rows] == [row.metrics for row in found.rows]


def test_all_protocols_are_in_the_document(task: pb.Task, open_store) -> None:
    """And come out of it again as they went in."""
    store = open_store()
    plan = plan_of(
        task, "vgg[width=0.125]", at_steps=(40,), seeds=(0,), protocols=PROTOCOLS, fractions=(0.5,)
    )
    found = run_plan(plan, store=store)
    snip, *_, reinitialised = found.rows
    every = {*PROTOCOLS, "prune_global_shuffled"} - {"rank", "labels", "ceiling", "truths"}
    assert {path[1] for path in snip.metrics if path[0] == "accuracy"} == {"dense"} | every
    assert ("parameters_left", "prune_global", "0.5") in snip.metrics
    assert {path[1] for path in reinitialised.metrics} == {"dense", "prune_early"}
    assert (snip.finetune_steps, snip.recalibrated) == (6, True)
    assert list(found.training.sizes) == ["1", "0.5"]  # type: ignore[arg-type]
    content = found.content()
    assert [Row.read(row, "row") for row in content["rows"]] == found.rows
    assert Training.read(content["training"], "training") == found.training

    left = run_plan(replace(plan, recalibrate=False, finetune_steps=3), store=store)
    assert (left.rows[0].finetune_steps, left.rows[0].recalibrated) == (3, False)
    for path in (("accuracy", "prune_final", "0.5"), ("accuracy", "finetune", "0.5")):
        assert left.rows[0].metrics[path] != snip.metrics[path]
    assert left.rows[0].metrics["spearman",] == snip.metrics["spearman",]
    assert run_plan(plan, store=store).rows[0].metrics == snip.metrics
