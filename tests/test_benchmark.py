import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from msgspec import UNSET

import prunebench as pb
from prunebench.benchmark.document import _drop_step
from prunebench.benchmark.missing import inventory_of
from prunebench.benchmark.plan import CONTROLS, Plan
from prunebench.benchmark.reporter import Reporter
from prunebench.benchmark.run import run_plan
from prunebench.results import Document, Row
from prunebench.store.records import Measure
from prunebench.training.loop import History


@pytest.fixture(scope="module")
def plan(task: pb.Task, recipe: pb.Recipe) -> Plan:
    scorers = [pb.load_scorer(name) for name in ("magnitude", "random")]
    return Plan(task, recipe, scorers, at_steps=(0, 15), seeds=range(4), device="cpu", fractions=(0.5, 0.1))


def find(document: Document, scorer: str, step: int) -> Row:
    return next(row for row in document.rows if row.key == (scorer, step))


class Ears(Reporter):
    def __init__(self) -> None:
        self.plans: list[str] = []
        self.stages: dict[str, tuple[int, int]] = {}

    def plan(self, text: str) -> None:
        self.plans.append(text)

    def progress(self, stage: str, done: int, total: int, unit: str) -> None:
        assert done >= self.stages.get(stage, (0, 0))[0]
        self.stages[stage] = done, total


def test_document_is_strict_json_and_every_stage_is_reported(plan: Plan) -> None:
    ears = Ears()
    document = run_plan(plan, ears)
    json.dumps(document.content(), allow_nan=False)
    assert set(ears.stages) == {"training", "scoring", "evaluation", "shuffled labels"}
    assert all(done == total for done, total in ears.stages.values())
    assert "train 4 networks of 16 neurons for 120 steps" in ears.plans[0]


def test_random_is_the_mean_of_its_draws_with_their_band(plan: Plan) -> None:
    """And each draw ranks about nothing: the mean over draws and seeds is near 0."""
    document = run_plan(plan)
    row = next(row for row in document.rows if row.scorer == "random")
    assert row.draws == pb.Scorer.board_draws
    spearman = row.spearman
    assert spearman
    assert spearman.band
    assert spearman.band.low <= spearman.mean <= spearman.band.high
    assert abs(spearman.mean) < 4 / np.sqrt(pb.Scorer.board_draws * 4 * 16)


def test_shuffled_labels_alone_have_rows_of_no_control(plan: Plan) -> None:
    """Controls are not asked with shuffled labels, so nothing is known of them."""
    document = run_plan(replace(plan, protocols=["labels"], at_steps=(0,)))
    asked = {scorer.name for scorer in plan.scorers}
    assert {row.name for row in document.rows} == asked - {*CONTROLS}


def test_a_scorer_says_how_many_of_its_draws_are_averaged(plan: Plan) -> None:
    """Hutchinson's estimate is a mean already: ten of it are a hundred products."""
    hutchinson = pb.load_scorer("hutchinson[vectors=2]")
    document = run_plan(replace(plan, scorers=[hutchinson], protocols=["rank", "prune_final"]))
    rows = {row.scorer: row for row in document.rows if row.at_step == plan.steps[0]}
    assert rows["random"].draws == 10
    assert rows["hutchinson[vectors=2]"].draws == 1


@pytest.mark.parametrize(
    ("measure", "path", "draws"),
    [
        (Measure("rank"), ("spearman",), pb.Scorer.board_draws),
        (Measure("merge", "0.5"), ("accuracy", "merge", "0.5"), 3),
        (Measure("prune_early", "0.5"), ("accuracy", "prune_early", "0.5"), 3),
    ],
)
def test_random_is_shown_by_the_mean_and_tested_by_the_first_of_its_draws(
    plan: Plan, measure: Measure, path: tuple[str, ...], draws: int, open_store
) -> None:
    store, plan = open_store(), replace(plan, protocols=[measure.protocol])  # type: ignore[list-item]
    document = run_plan(plan, store=store)
    key = next(key for key in plan.scored if (key.scorer, key.step) == ("random", 15))
    found = inventory_of(plan, store).scorings
    values = np.array([found[key, seed].results[measure]["/".join(path)] for seed in plan.seeds])
    summary = find(document, "random", 15).metrics[path]
    assert values.shape == (4, draws)
    assert summary.first_draw == values[:, 0].tolist()
    assert summary.per_seed == values.mean(axis=1).tolist()
    assert find(document, "magnitude", 15).metrics[path].first_draw is UNSET


def test_scores_at_a_step_do_not_depend_on_the_other_steps_or_scorers(plan: Plan) -> None:
    both = run_plan(plan)
    alone = run_plan(
        Plan(plan.task, plan.recipe, plan.scorers[:1], at_steps=(15,), seeds=range(4), device="cpu")
    )
    assert find(both, "magnitude", 15).spearman == find(alone, "magnitude", 15).spearman


def test_imp_trains_once_for_all_steps_unless_it_rewinds_to_them(
    plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, int]] = []

    def ears(self: pb.Snapshot, networks: pb.Networks, **options: Any) -> pb.Networks:
        asked.append(("late" if networks is self.networks and self.step else "initial", self.step))
        return trains(self, networks, **options)

    trains = pb.Snapshot.train
    monkeypatch.setattr(pb.Snapshot, "train", ears)
    scorers = [pb.load_scorer(f"imp[rounds=2,rewind={rewind}]") for rewind in ("initial", "snapshot")]
    steps = (0, 15)
    document = run_plan(replace(plan, scorers=scorers, at_steps=steps))
    assert asked == [("initial", 0)] * 2 + [("initial", 0)] * 2 + [("late", 15)] * 2

    first, second = (find(document, "imp[rounds=2]", step) for step in steps)
    assert first.metrics == second.metrics
    assert first.cost.extra_gradient_steps == second.cost.extra_gradient_steps == 2 * 120
    assert first.cost.seconds == second.cost.seconds
    # Asked for one step alone, it says the same.
    alone = run_plan(replace(plan, scorers=scorers[:1], at_steps=(15,)))
    assert find(alone, "imp[rounds=2]", 15).spearman == second.spearman


def test_what_looks_at_the_start_alone_is_asked_at_each_step_for_the_networks_it_lacks(
    plan: Plan, open_store
) -> None:
    store, imp = open_store(), replace(plan, scorers=[pb.load_scorer("imp[rounds=1]")], seeds=(0, 1))
    run_plan(replace(imp, at_steps=(0,), seeds=(0,)), store=store)
    document = run_plan(imp, store=store)
    first, second = (find(document, "imp[rounds=1]", step) for step in (0, 15))
    assert first.spearman is not None
    assert second.spearman is not None
    assert second.spearman.per_seed == pytest.approx(first.spearman.per_seed, abs=0.01)


def test_networks_that_lack_it_alone_are_pruned_and_trained(plan: Plan, open_store) -> None:
    store, path = open_store(), ("accuracy", "prune_early", "0.5")
    both = replace(plan, at_steps=(15,), protocols=["prune_early", "rank"], fractions=(0.5,), seeds=(0, 1))
    run_plan(replace(both, protocols=["prune_early"], seeds=(0,)), store=store)
    for scorer in ("magnitude", "random", "reinitialised"):
        found, anew = (find(run_plan(both, store=each), scorer, 15) for each in (store, open_store()))
        assert found.metrics[path].per_seed == pytest.approx(anew.metrics[path].per_seed)


class Fails(pb.Scorer):
    name = "fails"

    def score(self, snapshot: pb.Snapshot) -> torch.Tensor:
        raise ValueError("no scores")


def test_what_has_no_scores_is_not_trained_on(plan: Plan) -> None:
    scorers = [Fails(), pb.load_scorer("magnitude")]
    document = run_plan(
        replace(
            plan, scorers=scorers, at_steps=(15,), protocols=["prune_early", "finetune"], fractions=(0.5,)
        )
    )
    failed, row = find(document, "fails", 15), find(document, "magnitude", 15)
    assert (failed.status, row.status) == ("failed", "ok")
    assert {path[1] for path in row.metrics} == {"dense", "prune_early", "finetune"}
    assert not {path[1] for path in failed.metrics} & {"prune_early", "finetune"}


def test_the_plateau_ends_where_every_network_has_left_it(plan: Plan) -> None:
    """Each by its own initial loss; times are shares of it."""
    steps, accuracy = torch.tensor([0, 10, 20]), torch.zeros(2, 3)
    loss = torch.tensor([[0.7, 0.69, 0.6], [0.5, 0.48, 0.4]])
    assert _drop_step(History(steps, loss, accuracy)) == 15
    assert _drop_step(History(steps[:2], loss[:, :2], accuracy[:, :2])) is None
    document = run_plan(plan)
    end, curve = document.training.drop_step, document.training.curves["loss"]
    assert find(document, "magnitude", 15).relative_time == 15 / end
    ends = [document.training.metrics[name,].mean for name in ("initial_loss", "train_loss")]
    assert ends == pytest.approx([curve[0], curve[-1]])
    assert curve[-1] < curve[0]


def test_global_random_state_is_neither_used_nor_moved(plan: Plan) -> None:
    torch.manual_seed(1)
    np.random.seed(1)  # noqa: NPY002 (the global state is the subject)
    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # type: ignore[index]  # noqa: NPY002
    first = run_plan(plan)
    assert torch.equal(before[0], torch.get_rng_state())
    assert np.array_equal(before[1], np.random.get_state()[1])  # type: ignore[index]  # noqa: NPY002
    torch.manual_seed(2)
    second = run_plan(plan)
    for a, b in zip(first.rows, second.rows, strict=True):
        assert a.spearman == b.spearman


def test_a_step_after_the_end_is_refused(plan: Plan) -> None:
    with pytest.raises(pb.RequestError, match="at_steps"):
        Plan(plan.task, plan.recipe, plan.scorers, at_steps=(121,))


def test_without_a_number_finetune_repeats_as_many_steps_as_a_loss_left(plan: Plan, open_store) -> None:
    """A tenth of all steps may be more than were trained; only a number that was given must be there."""
    recipe = replace(plan.recipe, steps=1000, until_loss=0.69)
    plan = replace(plan, recipe=recipe, at_steps=(0,), protocols=["finetune"], fractions=(0.5,))
    store = open_store()
    document = run_plan(plan, store=store)
    trained = document.training.gradient_steps
    assert isinstance(trained, int)
    assert 0 < trained < plan.finetuned == 100
    assert {row.finetune_steps for row in document.rows} == {trained}
    given = run_plan(replace(plan, finetune_steps=trained), store=store)
    path = "accuracy", "finetune", "0.5"
    assert find(given, "magnitude", 0).metrics[path] == find(document, "magnitude", 0).metrics[path]
    with pytest.raises(pb.RequestError, match=f"finetune_steps: got {trained + 1}; training ended by"):
        run_plan(replace(plan, finetune_steps=trained + 1), store=store)
