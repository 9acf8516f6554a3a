"""Scorers asked again with shuffled labels: who reads them, and that nothing else changes."""

import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import numpy as np
import pytest
import torch
from rich.console import Console
from scipy import stats

import prunebench as pb
from prunebench.benchmark.audit import audit
from prunebench.benchmark.labels import LabelControl, ask_shuffled
from prunebench.benchmark.plan import Plan
from prunebench.benchmark.reporter import Reporter
from prunebench.benchmark.run import run_plan
from prunebench.evaluation.labels import reads_labels, shuffle_labels
from prunebench.evaluation.metrics import SHUFFLED_LABELS
from prunebench.leaderboard.board import Board
from prunebench.leaderboard.latex import latex
from prunebench.leaderboard.terminal import render
from prunebench.leaderboard.text import markdown, to_csv
from prunebench.plugin.isolation import Isolation
from prunebench.results import Document, Row
from prunebench.scoring.registry import SCORERS
from prunebench.store.export import ResultTable
from prunebench.store.records import Measure

LABELS = Measure("labels")


@dataclass(frozen=True)
class Drawn(pb.Scorer):
    """Reads labels, and draws: from the global generator, too, which is not its own."""

    name = "drawn"
    stochastic = True

    draw: int = 0

    def score(self, snapshot: pb.Snapshot) -> torch.Tensor:
        torch.rand(3)
        random = [torch.from_numpy(g.random(snapshot.networks.units)) for g in snapshot.generators(self.draw)]
        return torch.stack(random) + snapshot.networks.gradient(snapshot.x, snapshot.y).norms()


class Moody(Drawn):
    """Fails in one draw of many."""

    name = "moody"

    def score(self, snapshot: pb.Snapshot) -> torch.Tensor:
        if self.draw == 1:
            raise ValueError("not this one")
        return super().score(snapshot)


class Blind(Drawn):
    """Draws, and reads no labels."""

    name = "blind"

    def score(self, snapshot: pb.Snapshot) -> torch.Tensor:
        return torch.stack([torch.from_numpy(g.random(16)) for g in snapshot.generators(self.draw)])


class Partial(pb.Scorer):
    """Reads the labels of every second network."""

    name = "partial"

    def score_network(self, snapshot: pb.Snapshot) -> torch.Tensor:
        networks = snapshot.networks
        read = networks.gradient(snapshot.x, snapshot.y) if snapshot.seeds[0] % 2 else networks
        return read.norms()[0]


class Heard(Reporter):
    """Notes what failed."""

    def __init__(self) -> None:
        self.failures: list[tuple[str, int, str]] = []

    def failure(self, scorer: str, step: int, traceback: str) -> None:
        self.failures.append((scorer, step, traceback))


class Early(pb.Scorer):
    """Looks at the initial networks, whenever it is asked."""

    name = "early"

    @property
    def initial_only(self) -> bool:
        return True

    def score(self, snapshot: pb.Snapshot) -> torch.Tensor:
        assert snapshot.step == 0
        return snapshot.networks.gradient(snapshot.x, snapshot.y).norms()


class Particular(pb.Scorer):
    """Takes the labels as they are, and no others."""

    name = "particular"
    takes: ClassVar[torch.Tensor | None] = None

    def score(self, snapshot: pb.Snapshot) -> torch.Tensor:
        if self.takes is not None and not torch.equal(snapshot.task.y_train, self.takes):
            raise ValueError("these are not the labels")
        return snapshot.networks.gradient(snapshot.x, snapshot.y).norms()


def plan_of(task: pb.Task, recipe: pb.Recipe, *scorers: str | pb.Scorer, **others: Any) -> Plan:
    loaded = [pb.load_scorer(scorer) if isinstance(scorer, str) else scorer for scorer in scorers]
    settings = {"at_steps": (0, 15), "seeds": range(6), "device": "cpu", "protocols": ("rank", "labels")}
    return Plan(task, recipe, loaded, **settings | others)  # type: ignore[arg-type]


def row_of(document: Document | Board, scorer: str, step: int = 0) -> Row:
    return next(row for row in document.rows if (row.scorer, row.at_step) == (scorer, step))


def labels(task: pb.Task, seeds: Sequence[int]) -> list[tuple[int, ...]]:
    return [tuple(shuffle_labels(task, seed).y_train.tolist()) for seed in seeds]


def test_labels_are_shuffled_and_nothing_else_is(task: pb.Task) -> None:
    """As many of each class; an order of its own for each seed, drawn from that seed and nothing else."""
    before = task.y_train.clone()
    first = labels(task, range(20))
    torch.manual_seed(5)
    np.random.seed(5)  # noqa: NPY002 (what a careless scorer does)
    assert labels(task, range(20)) == first
    assert labels(task, [7]) == [first[7]]
    assert len(set(first)) == 20
    assert tuple(before.tolist()) not in first
    assert all(Counter(each) == Counter(before.tolist()) for each in first)
    other = shuffle_labels(task, 0)
    assert torch.equal(task.y_train, before)
    assert torch.equal(other.x_train, task.x_train)
    assert torch.equal(other.y_test, task.y_test)
    assert other.fingerprint != task.fingerprint


def test_even_two_samples_change_their_labels() -> None:
    two = pb.Task(np.eye(2), np.array([0, 1]), np.eye(2), np.array([0, 1]))
    assert set(labels(two, range(10))) == {(1, 0)}


def test_labels_are_in_the_order_of_their_seed_s_own_stream(task: pb.Task) -> None:
    """Number 5, that no other draw has: what stores hold can be computed again."""
    for seed, found in zip((0, 7), labels(task, (0, 7)), strict=True):
        order = np.random.default_rng([seed, 5]).permutation(task.samples)
        assert found == tuple(task.y_train.numpy()[order].tolist())


def test_an_order_that_changes_no_label_is_drawn_again() -> None:
    """Of three samples that are labelled alike but for one, a third of all orders changes nothing."""
    few = pb.Task(np.eye(3), np.array([0, 0, 1]), np.eye(3), np.array([0, 0, 1]))
    assert set(labels(few, range(20))) == {(0, 1, 0), (1, 0, 0)}


@pytest.mark.parametrize("size", [1e-6, -1.0, 1e6])
def test_who_reads_labels_moves_more_than_rounding_does(size: float) -> None:
    """By a thousandth of the score, and more than a hundredth of the units; up or down."""
    scores = np.full((1, 100), size, dtype=np.float32)
    assert not reads_labels(scores, scores * np.float32(1.0009))
    assert not reads_labels(0 * scores, 0 * scores)
    for factor in (0.9985, 1.0015):
        for moved, reads in ((1, False), (2, True)):
            again = scores.copy()
            again[0, :moved] *= np.float32(factor)
            assert reads_labels(scores, again) is reads


def test_who_reads_labels_is_found_out(task: pb.Task, recipe: pb.Recipe, open_store) -> None:
    store, scorers = open_store(), ("snip", "alignment", "magnitude", "synflow", "hutchinson[vectors=1]")
    with_labels = run_plan(plan_of(task, recipe, *scorers), store=store)
    for step in (0, 15):
        for scorer in ("snip", "alignment", "hutchinson[vectors=1]"):
            row = row_of(with_labels, scorer, step)
            assert row.reads_labels is True
            assert row.metrics[SHUFFLED_LABELS].per_seed != row.metrics["spearman",].per_seed
        for scorer in ("magnitude", "synflow"):
            row = row_of(with_labels, scorer, step)
            assert (row.reads_labels, row.metrics.get(SHUFFLED_LABELS)) == (False, None)
            assert "labels" in row.protocols
        for control in ("random", "oracle"):
            assert "labels" not in row_of(with_labels, control, step).protocols
    without = run_plan(plan_of(task, recipe, *scorers, protocols=("rank",)))
    for row in without.rows:
        assert row_of(with_labels, *row.key).spearman == row.spearman
        assert SHUFFLED_LABELS not in row.metrics
    again = run_plan(plan_of(task, recipe, *scorers), store=store)
    assert [row.metrics for row in again.rows] == [row.metrics for row in with_labels.rows]
    assert [row.reads_labels for row in again.rows] == [row.reads_labels for row in with_labels.rows]


def test_where_the_scores_stay_so_does_their_correlation(task: pb.Task, recipe: pb.Recipe) -> None:
    """Beside networks where they move: the mean is over the same networks as the correlation's."""
    found = row_of(run_plan(plan_of(task, recipe, Partial(), seeds=(0, 1, 2), at_steps=(0,))), "partial")
    assert found.reads_labels is True
    assert found.spearman is not None
    pairs = zip(found.metrics[SHUFFLED_LABELS].per_seed, found.spearman.per_seed, strict=True)
    assert [one == other for one, other in pairs] == [True, False, True]


def test_labels_alone_are_a_protocol(task: pb.Task, recipe: pb.Recipe) -> None:
    found = row_of(run_plan(plan_of(task, recipe, "snip", at_steps=(0,), protocols=("labels",))), "snip")
    assert found.reads_labels is True
    assert None not in found.metrics[SHUFFLED_LABELS].per_seed


def test_a_seed_alone_has_the_numbers_that_it_has_among_others(task: pb.Task, recipe: pb.Recipe) -> None:
    among = run_plan(plan_of(task, recipe, "snip", Drawn()))
    alone = run_plan(plan_of(task, recipe, Drawn(), "snip", seeds=(4,)))
    for scorer in ("snip", "drawn"):
        one, all_of_them = (row_of(each, scorer).metrics[SHUFFLED_LABELS] for each in (alone, among))
        assert one.per_seed == pytest.approx([all_of_them.per_seed[4]])
        assert one.tested == pytest.approx([all_of_them.tested[4]])
        assert (one.tested == pytest.approx(one.per_seed)) == (scorer == "snip")  # the other's draws differ


def test_what_it_is_worth_is_what_the_scorer_gives_for_those_labels(task: pb.Task, recipe: pb.Recipe) -> None:
    """By the definition, of a network of several layers and of running statistics."""
    for network in (None, "mlp[widths=9-7]"):
        own = recipe
        if network is not None:
            own = pb.Recipe(network=pb.load_network(network), learning_rate=0.02, batch_size=4, steps=60)
        found = row_of(run_plan(plan_of(task, own, "snip", seeds=(2, 3))), "snip", 15)
        run = pb.train(task, own, seeds=(2, 3), snapshot_steps=(15,), device="cpu")
        norms = run.final.norms()
        for place, seed in enumerate((2, 3)):
            snapshot = replace(run.snapshot(15).network(place), task=shuffle_labels(task, seed))
            scores = pb.load_scorer("snip").score(snapshot)[0]
            units = [layer.units for layer in run.final.layers]
            ranked = [
                (len(a), stats.spearmanr(a.numpy(), b.numpy()).statistic)
                for a, b in zip(scores.split(units), norms[place].split(units), strict=True)
            ]
            expected = sum(n * r for n, r in ranked) / sum(n for n, _ in ranked)
            assert found.metrics[SHUFFLED_LABELS].per_seed[place] == pytest.approx(expected)


def test_what_draws_is_asked_again_for_its_first_three_draws(task: pb.Task, recipe: pb.Recipe) -> None:
    """Each with the numbers that it drew for the true labels; more would cost what no interval gains."""
    run = pb.train(task, recipe, seeds=(2,), snapshot_steps=(15,), device="cpu")
    snapshot = run.snapshot(15)
    scores = torch.cat([Drawn(draw=draw).score(snapshot) for draw in range(5)]).numpy()
    found = ask_shuffled(Drawn(), snapshot, scores, run.final).values["/".join(SHUFFLED_LABELS)]
    shuffled, norms = replace(snapshot, task=shuffle_labels(task, 2)), run.final.norms()[0].numpy()
    again = [Drawn(draw=draw).score(shuffled)[0].numpy() for draw in range(3)]
    assert found == pytest.approx([stats.spearmanr(each, norms).statistic for each in again])


def test_who_looks_at_the_start_alone_is_asked_about_it_at_any_step(task: pb.Task, recipe: pb.Recipe) -> None:
    early, late = (
        row_of(run_plan(plan_of(task, recipe, Early(), seeds=(2,), at_steps=(step,))), "early", step)
        for step in (0, 15)
    )
    assert late.status == "ok"
    assert late.reads_labels is True
    assert late.metrics == early.metrics


def test_what_draws_is_held_against_the_same_draws(task: pb.Task, recipe: pb.Recipe) -> None:
    """Others differ whether or not labels are read."""
    snapshot = pb.train(task, recipe, seeds=(2,), snapshot_steps=(15,), device="cpu").snapshot(15)
    scores = torch.cat([Blind(draw=draw).score(snapshot) for draw in range(5)]).float().numpy()
    assert ask_shuffled(Blind(), snapshot, scores, snapshot.networks) == LabelControl()


def test_of_a_silent_network_it_is_not_defined(task: pb.Task, recipe: pb.Recipe) -> None:
    snapshot = pb.train(task, recipe, seeds=(2,), snapshot_steps=(15,), device="cpu").snapshot(15)
    silent = snapshot.networks.clone()
    silent.w_out.zero_()
    found = ask_shuffled(Drawn(), snapshot, np.ones((1, silent.units)), silent)
    assert found == LabelControl({"/".join(SHUFFLED_LABELS): [None]})


def test_a_draw_that_fails_is_the_failure_of_all(task: pb.Task, recipe: pb.Recipe) -> None:
    """Those that are left would stand for fewer draws than the correlation they are held against."""
    run = pb.train(task, recipe, seeds=(2,), snapshot_steps=(0,), device="cpu")
    found = ask_shuffled(Moody(), run.snapshot(0), np.ones((3, run.final.units)), run.final)
    assert found.values == {}
    assert "ValueError: not this one" in str(found.error)
    assert "not this one" in str(found.traceback)


def test_what_fails_is_recorded_harms_nothing_and_is_tried_again(
    task: pb.Task, recipe: pb.Recipe, open_store
) -> None:
    store, particular = open_store(), Particular()
    Particular.takes = task.y_train
    try:
        heard = Heard()
        found = run_plan(plan_of(task, recipe, particular, "snip"), heard, store)
        assert {said[:2] for said in heard.failures} == {("particular", 0), ("particular", 15)}
        assert all("these are not the labels" in said[2] for said in heard.failures)
        row = row_of(found, "particular")
        assert (row.status, row.reads_labels) == ("ok", None)
        assert row.spearman is not None
        assert SHUFFLED_LABELS not in row.metrics
        assert "ValueError: these are not the labels" in row.errors["labels"]  # type: ignore[index]
        assert row_of(found, "snip").reads_labels is True
        table = ResultTable(store)
        named = [dict(zip(table.columns, cells, strict=True)) for cells in table]
        failed = {(each["scorer"], each["protocol"]) for each in named if each["status"] == "failed"}
        assert failed == {("particular", "labels")}
        board = Board.of(found)
        assert "particular at step 0: ValueError: these are not the labels" in markdown(board)
        assert row_of(Board.from_content(board.content(), "x"), "particular").errors == row.errors
        assert audit(store, 1.0, pb.load_scorer).differing == []
    finally:
        Particular.takes = None
    healed = row_of(run_plan(plan_of(task, recipe, particular, "snip"), store=store), "particular")
    assert healed.reads_labels is True
    assert healed.metrics[SHUFFLED_LABELS].mean < 1


def test_an_audit_holds_no_number_against_a_scorer_that_fails_with_shuffled_labels(open_store) -> None:
    """Its scores are equal to the bit; that it fails now is said of the number, which may be right."""
    task, recipe = pb.load_task("digits", samples=100), pb.Recipe(width=16, steps=20)
    store = open_store()
    run_plan(plan_of(task, recipe, Particular(), seeds=(0,), at_steps=(0,)), store=store)

    def load(spec: str) -> pb.Scorer:
        return Particular() if spec == "particular" else pb.load_scorer(spec)

    assert "results without their scores" not in audit(store, 1.0, load).unchecked
    Particular.takes = task.y_train
    try:
        found = audit(store, 1.0, load)
    finally:
        Particular.takes = None
    assert (found.differing, found.unchecked["results without their scores"]) == ([], 1)


def test_who_sees_the_end_or_is_a_control_is_not_asked(task: pb.Task, recipe: pb.Recipe) -> None:
    class Seer(Particular):
        name = "seer"
        sees_end = True

    plan = plan_of(task, recipe, Particular())
    asked = {each.name: LABELS in plan.measures_of(each) for each in (*plan.with_controls(), Seer())}
    assert asked == {"particular": True, "random": False, "oracle": False, "seer": False}


def test_who_failed_with_the_labels_is_not_asked_without_them(task: pb.Task, recipe: pb.Recipe) -> None:
    """There is nothing to hold what it might say then against."""
    Particular.takes = 1 - task.y_train
    try:
        found = run_plan(plan_of(task, recipe, Particular(), "snip", seeds=(0, 1), at_steps=(0,)))
    finally:
        Particular.takes = None
    row = row_of(found, "particular")
    assert (row.status, row.errors, row.reads_labels) == ("failed", msgspec.UNSET, msgspec.UNSET)
    assert row_of(found, "snip").reads_labels is True


def test_who_trains_as_long_as_the_network_is_not_asked(task: pb.Task, recipe: pb.Recipe, open_store) -> None:
    store = open_store()
    plan = plan_of(task, recipe, "imp", "probe[steps=5]", seeds=(0, 1))
    for _ in range(2):
        found = run_plan(plan, store=store)
        row = row_of(found, "imp")
        assert (row.reads_labels, row.metrics.get(SHUFFLED_LABELS)) == (None, None)
        assert "labels" in row.protocols
        assert row_of(found, "probe[steps=5]").reads_labels is True


FOREIGN = """
import prunebench as pb

class Reads(pb.Scorer):
    name = "reads"
    def score(self, snapshot):
        return snapshot.networks.gradient(snapshot.x, snapshot.y).norms()

class Does_not(pb.Scorer):
    name = "does_not"
    def score(self, snapshot):
        return snapshot.networks.norms()

class Refuses(Reads):
    name = "refuses"
    def score(self, snapshot):
        if snapshot.networks.seeds == 1:
            raise ValueError("one alone")
        return super().score(snapshot)
"""


def test_scorers_in_a_process_of_their_own(task: pb.Task, recipe: pb.Recipe, tmp_path: Path) -> None:
    (tmp_path / "foreign.py").write_text(FOREIGN)
    isolation: Isolation[pb.Scorer] = Isolation(SCORERS, timeout=60.0, files=[tmp_path / "foreign.py"])
    foreign = [isolation.load(name) for name in ("reads", "does_not", "refuses")]
    found = run_plan(plan_of(task, recipe, *foreign, seeds=(0, 1), at_steps=(0,)))
    reads = {row.scorer: row.reads_labels for row in found.rows if row.predicts}
    assert reads == {"reads": True, "does_not": False, "refuses": None}
    assert "one alone" in row_of(found, "refuses").errors["labels"]  # type: ignore[index]


def test_it_stands_beside_the_correlation(task: pb.Task, recipe: pb.Recipe) -> None:
    found = run_plan(plan_of(task, recipe, "snip", "magnitude", "imp", at_steps=(0,), seeds=range(8)))
    board = Board.of(found)
    table = [line for line in markdown(board).splitlines() if line.startswith("|")]
    heads = [cell.strip() for cell in table[0].strip("|").split("|")]
    cells = {
        line.split("|")[3].strip(): dict(zip(heads, map(str.strip, line.strip("|").split("|")), strict=True))
        for line in table
    }
    assert heads[3:6] == ["Spearman", "shuffled labels", "from labels"]
    assert cells["magnitude"]["shuffled labels"] == "reads none"
    assert cells["imp"]["shuffled labels"] == "–"
    assert cells["random ‡"]["shuffled labels"] == ""
    snip = row_of(board, "snip")
    gain = snip.metrics["spearman",].mean - snip.metrics[SHUFFLED_LABELS].mean
    assert cells["snip"]["from labels"].startswith(f"{gain:z.2f} [")
    console = Console(width=200, file=io.StringIO())
    console.print(render(board))
    assert "reads none" in console.file.getvalue()  # type: ignore[attr-defined]
    assert "spearman_shuffled_labels_low" in to_csv(board).splitlines()[0]
    assert "& reads none &" in latex(board)
    assert "[U+" not in latex(board)
    again = run_plan(plan_of(task, recipe, "snip", protocols=("rank",), at_steps=(0,), seeds=range(8)))
    joined = row_of(board.join(Board.of(again)), "snip")
    assert (joined.metrics, joined.reads_labels) == (snip.metrics, True)
