"""What is kept, under which key, and what is never served."""

import dataclasses
import json
import multiprocessing
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import prunebench as pb
from prunebench.benchmark.missing import find_missing, inventory_of
from prunebench.benchmark.plan import DENSE, Plan
from prunebench.benchmark.reporter import Reporter
from prunebench.benchmark.run import run_plan
from prunebench.evaluation.metrics import EVALUATOR_VERSION
from prunebench.plugin.isolation import _hash_of
from prunebench.scoring.registry import load_scorer
from prunebench.store import reference
from prunebench.store.absorb import absorb
from prunebench.store.database import FILE
from prunebench.store.inventory import take_inventory
from prunebench.store.provenance import environment
from prunebench.store.records import Key, Measure, Scoring
from prunebench.store.reference import ReferenceNetworks
from prunebench.store.store import Store

KEY = Key(15, "mine", "1", "abc")


@pytest.fixture
def plan(task: pb.Task, recipe: pb.Recipe) -> Plan:
    scorers = [pb.load_scorer("magnitude")]
    return Plan(task, recipe, scorers, (15,), (0, 1), device="cpu", fractions=(0.5,), command="prunebench x")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "store") as store:
        yield store


def missing_of(plan: Plan, store: Store) -> dict[Key, dict[int, tuple[Measure, ...]]]:
    return find_missing(plan, inventory_of(plan, store)).measures


@pytest.fixture
def no_training(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("trained, although the store has the networks")

    monkeypatch.setattr(reference, "train", refuse)
    monkeypatch.setattr(reference, "run_loop", refuse)


class Lines(Reporter):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def plan(self, text: str) -> None:
        self.lines.append(text)


def test_git_ignores_the_folder_that_nobody_named(tmp_path: Path) -> None:
    for name in (".prunebench", "named"):
        with Store(tmp_path / name):
            pass
    assert [path.parent.name for path in tmp_path.rglob(".gitignore")] == [".prunebench"]


# Reuse


def test_what_is_there_is_not_computed_again(
    plan: Plan, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run_plan(plan, store=store)
    monkeypatch.setattr("prunebench.benchmark.work.Work.do", None)
    second = run_plan(plan, store=store)
    for a, b in zip(first.rows, second.rows, strict=True):
        assert a == b


def test_another_scorer_uses_the_trained_networks(
    plan: Plan, store: Store, request: pytest.FixtureRequest
) -> None:
    run_plan(plan, store=store)
    request.getfixturevalue("no_training")
    more = dataclasses.replace(plan, scorers=[pb.load_scorer("snip")])
    assert run_plan(more, store=store).rows[0].scorer == "snip"
    with pytest.raises(AssertionError, match="trained, although"):
        run_plan(more)


def test_networks_are_read_without_a_plan(
    task: pb.Task, recipe: pb.Recipe, store: Store, request: pytest.FixtureRequest
) -> None:
    heard: list[tuple[int, int]] = []

    def networks(seeds: tuple[int, ...], at: tuple[int, ...]) -> pb.Trajectory:
        wanted = ReferenceNetworks(
            store, task, recipe, seeds, at, progress=lambda *steps: heard.append(steps)
        )
        return wanted.trajectory()

    trained = networks((0, 3), (0, 15))
    assert heard[-1] == (2 * recipe.steps, 2 * recipe.steps)
    networks((3,), (20,))
    assert heard[-1] == (5, 5)  # on from step 15
    request.getfixturevalue("no_training")
    read = networks((3, 0), (15, 0))
    for step in (0, 15):
        torch.testing.assert_close(read.snapshots[step].w_in.flip(0), trained.snapshots[step].w_in)
    torch.testing.assert_close(read.history.loss.flip(0), trained.history.loss)


def test_more_seeds_train_only_the_new_ones(
    plan: Plan, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_plan(plan, store=store)
    trained = []
    train = reference.train

    def noted(*arguments: Any, **options: Any) -> Any:
        trained.append(options["seeds"])
        return train(*arguments, **options)

    monkeypatch.setattr(reference, "train", noted)
    more = dataclasses.replace(plan, seeds=(0, 1, 2, 3))
    kept = run_plan(more, store=store)
    assert trained == [(2, 3)]
    alone = run_plan(more)
    for mine, other in zip(kept.rows, alone.rows, strict=True):
        assert mine.spearman is not None
        assert other.spearman is not None
        assert mine.spearman.per_seed == pytest.approx(other.spearman.per_seed, abs=1e-6)


def test_where_a_loss_ends_training_all_its_seeds_train_together(
    task: pb.Task, recipe: pb.Recipe, store: Store, monkeypatch: pytest.MonkeyPatch, open_store
) -> None:
    """Seed 0 is the slower: the other one alone, or where only that is lacking, would end earlier."""
    trained, train = [], reference.train

    def noted(*arguments: Any, **options: Any) -> Any:
        trained.append(options["seeds"])
        return train(*arguments, **options)

    monkeypatch.setattr(reference, "train", noted)

    def networks(store: Store, seeds: tuple[int, ...], recipe: pb.Recipe, at: int = 0) -> pb.Trajectory:
        pair = ReferenceNetworks(store, task, recipe, seeds, (at,), together=(0, 1), record_every=5)
        return pair.trajectory()

    ending = dataclasses.replace(recipe, until_loss=0.51)
    alone = pb.train(task, ending, seeds=(1,), record_every=5, device="cpu").gradient_steps
    one = networks(store, (1,), ending)
    assert (trained.pop(), one.seeds) == ((0, 1), (1,))
    end = one.gradient_steps
    assert alone < end < recipe.steps
    assert networks(store, (0,), ending, at=end).gradient_steps == end
    assert trained == []
    with store.writing() as connection:
        connection.execute("DELETE FROM networks WHERE seed = 1")
    assert networks(store, (1,), ending).gradient_steps == end
    assert trained.pop() == (0, 1)
    for seeds, lacking in (((1,), (1,)), ((0, 1), (0,))):  # to the last step each seed trains on its own
        networks(store, seeds, recipe)
        assert trained.pop() == lacking
    for kept in (store, open_store()):
        with pytest.raises(
            pb.RequestError, match=f"at_steps: got {end + 1}; training ended by .* {end} steps"
        ):
            networks(kept, (0, 1), ending, at=end + 1)


def test_changed_code_version_or_evaluator_is_computed_anew(
    plan: Plan, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A helper's source is part of the key; so is the version; and the evaluator's."""
    monkeypatch.syspath_prepend(str(tmp_path))
    helper, file = tmp_path / "helper_of_mine.py", tmp_path / "mine.py"
    helper.write_text("def score(snapshot):\n    return snapshot.networks.norms()\n")
    text = (
        "import helper_of_mine\nimport prunebench as pb\n\nclass Mine(pb.Scorer):\n    name = 'mine'\n"
        "    def score(self, snapshot):\n        return helper_of_mine.score(snapshot)\n"
    )
    file.write_text(text)
    scorer = load_scorer("mine", [file])
    first = dataclasses.replace(plan, scorers=[scorer])
    run_plan(first, store=store)
    assert not missing_of(first, store)

    def fresh() -> Plan:
        """As in a new process, which imports the files as they are now."""
        _hash_of.cache_clear()
        for name in [name for name in sys.modules if name.startswith(("helper_of_mine", "prunebench_file_"))]:
            del sys.modules[name]
        return dataclasses.replace(plan, scorers=[load_scorer("mine", [file])])

    helper.write_text("# another comment\n" + helper.read_text())
    assert not missing_of(fresh(), store)
    helper.write_text("def score(snapshot):\n    return -snapshot.networks.norms()\n")
    assert {key.scorer for key in missing_of(fresh(), store)} == {"mine"}
    helper.write_text("def score(snapshot):\n    return snapshot.networks.norms()\n")
    last = fresh()
    assert not missing_of(last, store)
    monkeypatch.setattr(type(last.scorers[0]), "version", "2")
    newer = dataclasses.replace(plan, scorers=last.scorers)
    assert {key.scorer for key in missing_of(newer, store)} == {"mine"}
    monkeypatch.undo()
    assert (
        take_inventory(store, plan.training, EVALUATOR_VERSION + "x").scorings.keys()
        == take_inventory(store, plan.training, EVALUATOR_VERSION).scorings.keys()
    )
    assert not any(
        s.results for s in take_inventory(store, plan.training, EVALUATOR_VERSION + "x").scorings.values()
    )


def test_a_failure_is_never_a_result(store: Store, plan: Plan) -> None:
    made = environment("cpu")
    store.register(plan.training, plan.task, plan.recipe)
    (key,) = [key for key, scorer in plan.scored.items() if scorer.name == "magnitude"]
    measures = {measure: {"spearman": [0.5]} for measure in plan.wanted[key]}
    store.put(plan.training, "1", [Scoring(0, key, None, 1, 0, 0.0, made, np.ones((1, 16)), None, measures)])
    store.put(plan.training, "1", [Scoring(0, key, "ValueError: no", 1, 0, 0.0, made)])
    found = take_inventory(store, plan.training, "1").scorings[key, 0]
    assert (found.error, found.results) == ("ValueError: no", {})
    assert store.scores(plan.training, 0, key) is None
    assert missing_of(plan, store)[key][0] == tuple(plan.wanted[key])


def test_what_is_done_has_not_failed(store: Store, plan: Plan) -> None:
    run_plan(plan, store=store)
    for force in (True, False):
        store.put_failure(plan.training, "MemoryError: too much", 3, environment("cpu"))
        run_plan(plan, store=store, force=force)
        assert store.rows("SELECT * FROM failures") == []


RANK, MERGE = Measure("rank"), Measure("merge", "0.5")
ONES = np.ones((1, 16), np.float32)


@pytest.mark.parametrize(
    ("error", "scores", "signs", "stay"),
    [
        (None, ONES, ONES, True),
        (None, -ONES, ONES, False),
        (None, ONES, -ONES, False),
        (None, ONES, None, False),
        (None, np.ones((2, 8), np.float32), np.ones((2, 8), np.float32), False),  # as many draws more
        ("ValueError: no", None, None, False),
        (None, None, None, True),  # results alone
    ],
)
def test_other_scores_are_kept_without_the_results_of_those_before(
    store: Store, plan: Plan, error: str | None, scores: Any, signs: Any, stay: bool
) -> None:
    store.register(plan.training, plan.task, plan.recipe)

    def put(error: str | None, scores: Any, signs: Any, measure: Measure, value: float) -> None:
        said = error, 1 if scores is None else len(scores), 0, 0.0, {"utc": str(value)}
        values = {} if error else {measure: {"spearman": [value]}}
        store.put(plan.training, "1", [Scoring(0, KEY, *said, scores, signs, values)])

    put(None, ONES, ONES, MERGE, 0.1)
    put(error, scores, signs, RANK, 0.2)
    kept = {} if error else {RANK: {"spearman": [0.2]}}
    kept |= {MERGE: {"spearman": [0.1]}} if stay else {}
    assert take_inventory(store, plan.training, "1").scorings[KEY, 0].results == kept
    assert store.rows("SELECT count(*) FROM results") == [(len(kept),)]


def test_merged_scores_in_the_place_of_an_error_come_with_their_own_results(store: Store, plan: Plan) -> None:
    with Store() as other:
        for each in (store, other):
            each.register(plan.training, plan.task, plan.recipe)
        made = {"utc": "now"}
        store.put(plan.training, "1", [Scoring(0, KEY, "ValueError: no", 1, 0, 0.0, made)])
        # As stores of earlier versions kept the results of scores that an error had replaced.
        results = {MERGE: {"spearman": [0.1]}}
        store.put(plan.training, "1", [Scoring(0, KEY, None, 1, 0, 0.0, made, results=results)])
        results = {RANK: {"spearman": [0.2]}}
        other.put(plan.training, "1", [Scoring(0, KEY, None, 1, 0, 0.0, made, ONES, None, results)])
        absorb(store, other)
    assert take_inventory(store, plan.training, "1").scorings[KEY, 0].results == results


def test_records_of_a_scorers_earlier_code_stay_behind(store: Store, plan: Plan) -> None:
    with Store() as other:
        other.register(plan.training, plan.task, plan.recipe)
        codes = [KEY, KEY._replace(source="of earlier code"), KEY._replace(version="0"), DENSE]
        said = None, 1, 0, 0.0, {"utc": "now"}, ONES, None, {RANK: {"spearman": [0.2]}}
        other.put(plan.training, "1", [Scoring(0, key, *said) for key in codes])
        absorb(store, other, scorers=[KEY[1:], DENSE[1:]])
    there = take_inventory(store, plan.training, "1").scorings
    assert {key for key, _ in there} == {KEY, DENSE}


FICKLE = """
import os
import prunebench as pb

class Fickle(pb.Scorer):
    name = "fickle"
    def score(self, snapshot):
        return snapshot.networks.norms() * float(os.environ["FICKLE"])
"""


def test_what_is_forced_leaves_no_result_of_scores_before(
    plan: Plan, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "fickle.py").write_text(FICKLE)
    scorers = [load_scorer("fickle", [tmp_path / "fickle.py"])]
    both = dataclasses.replace(plan, scorers=scorers, protocols=("rank", "prune_final"))
    monkeypatch.setenv("FICKLE", "1")
    run_plan(both, store=store)
    monkeypatch.setenv("FICKLE", "-1")
    run_plan(dataclasses.replace(both, protocols=("rank",)), store=store, force=True)
    (key,) = (key for key in both.scored if key.scorer == "fickle")
    assert missing_of(both, store) == {key: dict.fromkeys((0, 1), (Measure("prune_final", "0.5"),))}
    kept = run_plan(both, store=store)
    assert kept.rows[0].metrics == run_plan(both).rows[0].metrics


def test_who_forces_it_trains_again(plan: Plan, store: Store, request: pytest.FixtureRequest) -> None:
    run_plan(plan, store=store)
    request.getfixturevalue("no_training")
    run_plan(plan, store=store)
    with pytest.raises(AssertionError, match="trained, although"):
        run_plan(plan, store=store, force=True)


# Provenance


def test_every_record_says_how_it_was_made(plan: Plan, store: Store) -> None:
    run_plan(plan, store=store)
    for table in ("networks", "scorings", "results"):
        rows = store.rows(f"SELECT record FROM {table} t LEFT JOIN provenance p ON p.id = t.provenance")
        assert rows
        for (text,) in rows:
            record = json.loads(text)
            assert record["prunebench"] == pb.__version__
            assert record["torch"] == torch.__version__
            assert record["threads"] == torch.get_num_threads()
            assert record["command"] == "prunebench x"
            assert record["device"] == "cpu"
            assert record["utc"].endswith("+00:00")
            assert {"commit", "python", "numpy", "scipy", "platform"} <= set(record)
    ((task,),) = store.rows("SELECT task FROM trainings")
    assert json.loads(task)["fingerprint"] == plan.task.fingerprint


# Several processes


def add(folder: str, training: str, number: int) -> None:
    """What one of several writers does: 30 transactions, half of them on keys that all write."""
    with Store(Path(folder)) as store:
        made = {"utc": f"{number}"}
        for turn in range(30):
            seed = turn if turn % 2 else 1000 * (number + 1) + turn
            values = {Measure("rank"): {"spearman": [seed / 7]}}
            scores = np.full((1, 16), seed, np.float32)
            store.put(training, "1", [Scoring(seed, KEY, None, 1, 0, 0.0, made, scores, None, values)])


def test_writers_at_once_lose_nothing_and_double_nothing(store: Store, plan: Plan) -> None:
    store.register(plan.training, plan.task, plan.recipe)
    context = multiprocessing.get_context("fork")
    arguments = [(str(store.folder), plan.training, number) for number in range(4)]
    with context.Pool(4) as pool:
        pool.starmap(add, arguments)
    shared = {turn for turn in range(30) if turn % 2}
    own = {1000 * (number + 1) + turn for number in range(4) for turn in range(0, 30, 2)}
    seeds = [seed for (seed,) in store.rows("SELECT seed FROM scorings ORDER BY seed")]
    assert seeds == sorted(shared | own)
    assert store.rows("SELECT count(*) FROM results") == [(len(seeds),)]
    for (_, seed), scoring in take_inventory(store, plan.training, "1").scorings.items():
        assert scoring.results == {Measure("rank"): {"spearman": [seed / 7]}}
    assert store.rows("PRAGMA integrity_check") == [("ok",)]


def test_a_job_is_claimed_by_one_process(store: Store) -> None:
    with store.claimed("0" * 32) as first, Store(store.folder) as other:
        assert first
        with other.claimed("0" * 32, wait=False) as second:
            assert not second
        with other.claimed("1" * 32, wait=False) as elsewhere:
            assert elsewhere
    assert (store.folder / FILE).is_file()  # type: ignore[operator]
