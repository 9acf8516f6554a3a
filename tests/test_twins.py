"""Twins: the same networks trained on from a snapshot in another minibatch order."""

import numpy as np
import pytest

import prunebench as pb
from prunebench.benchmark.plan import Plan
from prunebench.benchmark.run import run_plan
from prunebench.benchmark.twins import Twins
from prunebench.evaluation.rank import rank
from prunebench.results import Document, Row
from prunebench.training.twins import train_twins, twin_orders


@pytest.fixture(scope="module")
def task() -> pb.Task:
    return pb.load_task("digits", classes="all", samples=200)


RECIPES = {
    "shallow": pb.Recipe(width=30, init_std=0.05, learning_rate=0.01, batch_size=16, steps=90),
    "layered": pb.Recipe(
        network=pb.load_network("mlp[widths=16-12]"), learning_rate=0.02, batch_size=16, steps=90
    ),
    "normalised": pb.Recipe(
        network=pb.load_network("vgg[width=0.125,batch_norm=true]"),
        learning_rate=0.02,
        batch_size=16,
        steps=20,
    ),
}


def plan_of(task: pb.Task, recipe: pb.Recipe, *scorers: str, **others: object) -> Plan:
    settings = {"at_steps": (0, 20), "seeds": range(3), "protocols": ("ceiling",), "device": "cpu"} | others
    return Plan(task, recipe, [pb.load_scorer(spec) for spec in scorers], **settings)  # type: ignore[arg-type]


def rows_of(document: Document) -> dict[tuple[str, int], Row]:
    assert all(row.status == "ok" for row in document.rows)
    return {row.key: row for row in document.rows}


@pytest.mark.parametrize("kind", ["shallow", "layered", "normalised"])
def test_a_twin_in_the_same_order_is_the_network_itself(task: pb.Task, kind: str) -> None:
    """From any step, with what the optimiser remembers; in another order it is another network."""
    run = pb.train(task, RECIPES[kind], seeds=(3, 5), snapshot_steps=(0, 7, 20), device="cpu")
    for step in run.states:
        same = train_twins(run, step, run.seeds)
        other = train_twins(run, step, twin_orders(run.seeds, 0))
        assert same.gradient_steps == other.gradient_steps == run.gradient_steps - step
        for at in range(2):
            norms = same.final.norms("effective")[at : at + 1]
            assert rank(norms, run.final.select(at))["spearman",][0] == 1
        moved = (other.final.norms("effective") - run.final.norms("effective")).abs().amax(dim=1)
        assert bool((moved > 1e-4).all()) == (step < run.gradient_steps)


def test_twins_of_a_seed_are_its_own(task: pb.Task) -> None:
    """Each number has an order of its own, which is neither the network's nor another seed's."""
    assert twin_orders((3, 5), 0) == twin_orders((3,), 0) + twin_orders((5,), 0)
    assert len({*twin_orders((3, 5), 0), *twin_orders((3, 5), 1), 3, 5}) == 6
    assert twin_orders((3,), 1) == (int(np.random.default_rng([3, 6, 1]).integers(2**63)),)


def test_further_twins_are_further_networks(task: pb.Task) -> None:
    """Whoever asks for more of them than were trained before."""
    run = pb.train(task, RECIPES["shallow"], seeds=(3,), snapshot_steps=(0,), device="cpu")
    twins = Twins()
    (first,), three = twins._take(run, 0, 1), twins._take(run, 0, 3)
    assert three[0] is first
    assert len({float(final.norms().sum()) for final, _ in three}) == 3


def test_the_ceiling_is_a_row(task: pb.Task) -> None:
    rows = rows_of(run_plan(plan_of(task, RECIPES["layered"], "snip")))
    assert {name for name, _ in rows} == {"snip", "random", "oracle", "twin"}
    early, later = rows["twin", 0], rows["twin", 20]
    assert early.control
    assert not early.predicts
    for row, step in ((early, 0), (later, 20)):
        assert (row.cost.gradient_steps, row.cost.extra_gradient_steps) == (step, 90 - step)
        assert row.cost.sample_gradients == 90 * 16
        assert {("spearman",), ("spearman_by_layer", "fc1"), ("kendall",)} <= row.metrics.keys()
    assert rows["snip", 0].metrics["spearman",].mean < early.metrics["spearman",].mean
    assert early.metrics["spearman",].mean < later.metrics["spearman",].mean < 1


def test_several_twins_are_averaged(task: pb.Task) -> None:
    plan = plan_of(task, RECIPES["shallow"], "twin[twins=3]", "twin", at_steps=(0,))
    rows = rows_of(run_plan(plan))
    one, three = rows["twin", 0], rows["twin[twins=3]", 0]
    assert three.control
    assert (one.draws, three.draws, three.cost.extra_gradient_steps) == (1, 3, 3 * 90)
    assert three.metrics["spearman",].first_draw == one.metrics["spearman",].per_seed
    assert three.metrics["spearman",].per_seed != one.metrics["spearman",].per_seed


def test_nothing_is_asked_of_twins_without_the_ceiling(task: pb.Task) -> None:
    plan = plan_of(task, RECIPES["shallow"], "snip", protocols=("rank",))
    assert "twin" not in {row.name for row in run_plan(plan).rows}


def test_what_is_lacking_is_trained_again(task: pb.Task, open_store) -> None:
    """Of some seeds at some steps alone, to the same numbers."""
    store, plan = open_store(), plan_of(task, RECIPES["layered"], "snip")
    whole = rows_of(run_plan(plan, store=store))
    with store.writing() as connection:
        connection.execute("DELETE FROM scorings WHERE scorer = 'twin' AND step = 20 AND seed > 0")
    again = rows_of(run_plan(plan, store=store))
    for key, row in whole.items():
        for path, summary in row.metrics.items():
            np.testing.assert_allclose(again[key].metrics[path].per_seed, summary.per_seed, atol=1e-6)


def test_truths_agree_with_themselves_and_have_a_reliability(task: pb.Task) -> None:
    """Twins are trained once for all of them; the plain oracle is what it was."""
    plan = plan_of(task, RECIPES["layered"], "snip", at_steps=(20,), protocols=("rank", "truths"))
    rows = rows_of(run_plan(plan))
    for truth in ("growth", "contribution", "ablation"):
        own, twin = rows[f"oracle[truth={truth}]", 20], rows[f"twin[truth={truth}]", 20]
        assert own.control
        assert own.metrics["spearman_with", truth].mean == pytest.approx(1)
        assert 0.2 < twin.metrics["spearman_with", truth].mean < 1
        agreement = rows["oracle", 20].metrics["spearman_with", truth].mean
        assert own.metrics["spearman",].mean == pytest.approx(agreement)
        assert ("spearman_with", truth) in rows["snip", 20].metrics
