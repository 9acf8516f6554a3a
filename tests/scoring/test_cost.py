"""What scorers take is counted in sample gradients: per network, and the same however they are asked."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from msgspec import UNSET
from msgspec.structs import replace

import prunebench as pb
from prunebench.benchmark.plan import Plan
from prunebench.benchmark.run import run_plan
from prunebench.counting import count, counted
from prunebench.leaderboard.board import Board
from prunebench.leaderboard.cost import best_within, front, percent
from prunebench.leaderboard.overview import overview
from prunebench.leaderboard.text import to_csv
from prunebench.plugin.isolation import Isolation
from prunebench.results import Cost, Row
from prunebench.scoring.execute import execute
from prunebench.scoring.registry import SCORERS
from prunebench.scoring.saved import saved_scores
from prunebench.store.store import Store

N = 40  # samples of the toy task
BATCH = 4
PRODUCT = 2.5  # docs/protocols.md


@pytest.fixture(scope="module")
def layered(task: pb.Task) -> pb.Trajectory:
    recipe = pb.Recipe(
        network=pb.load_network("mlp[widths=9-7]"), learning_rate=0.02, batch_size=BATCH, steps=60
    )
    return pb.train(task, recipe, seeds=range(3), snapshot_steps=(0, 20), device="cpu")


@pytest.mark.parametrize(
    ("scorer", "expected"),
    [
        ("magnitude", 0),
        ("random", 0),
        ("synflow", 1),
        ("snip", N),
        ("gradient_norm", N),
        ("alignment", N),
        ("growth", N),
        ("taylor", N),
        ("fisher", N),
        ("fisher[weights=both]", N),
        ("grasp", N + PRODUCT * N),
        ("growing_mode", N + PRODUCT * N),
        ("hutchinson[vectors=3]", 3 * PRODUCT * N),
        ("lookahead", 2 * N),
        ("lookahead[samples=10]", 2 * 10),
        ("lookahead[samples=10,steps=5]", 5 * 10),
        ("rehearsal[steps=7,batch_size=4]", round(7 * 4 + 5 * 4 * 4 / 3, 2)),
        ("rehearsal[steps=7,batch_size=100]", round(7 * N + 5 * N * 4 / 3, 2)),
        ("sampled[samples=10,scorer=snip]", 10),
        ("sampled[samples=10,scorer=grasp]", 10 + PRODUCT * 10),
        ("probe[steps=7]", 7 * BATCH),
        ("probe[steps=7,scorer=snip]", 7 * BATCH + N),
        ("imp[rounds=2]", 2 * 60 * BATCH),
        ("torch_pruning", 0),
        ("torch_pruning[importance=Taylor]", N),
        ("torch_pruning[importance=Hessian]", N),
        ("torch_pruning[importance=Activation]", round(N / 3, 2)),
    ],
)
def test_what_a_scorer_takes(
    layered: pb.Trajectory, scorer: str, expected: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether it is asked about all networks, about one, or once more, when its gradients are remembered."""
    monkeypatch.setattr("prunebench.cache.BYTES", 10**8)
    loaded = pb.load_scorer(scorer)
    for snapshot in (layered.snapshot(20), layered.snapshot(20), layered.snapshot(20).network(1)):
        outcome = execute(loaded, snapshot)
        assert outcome.error is None
        assert outcome.sample_gradients == expected


def test_closed_forms_of_the_papers_network(run: pb.Trajectory) -> None:
    """A forward pass and one of the two products of a backward pass."""
    for scorer in ("growing_mode", "cluster_alignment"):
        assert execute(pb.load_scorer(scorer), run.snapshot(15)).sample_gradients == round(2 * N / 3, 2)


def test_statistics_that_are_estimated_again_are_forward_passes(task: pb.Task) -> None:
    images = pb.Task(
        task.x_train[:, None, None].repeat(1, 1, 8, 2)[..., :8],
        task.y_train,
        task.x_test[:, None, None].repeat(1, 1, 8, 2)[..., :8],
        task.y_test,
    )
    recipe = pb.Recipe(
        network=pb.load_network("vgg[width=0.125]"), learning_rate=0.02, batch_size=BATCH, steps=4
    )
    snapshot = pb.train(images, recipe, seeds=(0,), snapshot_steps=(0,), device="cpu").snapshot(0)
    outcome = execute(pb.load_scorer("lookahead[samples=12]"), snapshot)
    assert outcome.sample_gradients == 2 * (12 + 12 / 3)


class Own(pb.Scorer):
    """Uses autograd of its own, and says what that takes."""

    name = "own"

    def score_network(self, snapshot: pb.Snapshot) -> torch.Tensor:
        module = snapshot.networks.to_module(0)
        torch.nn.functional.cross_entropy(module(snapshot.x), snapshot.y).backward()
        snapshot.cost.sample_gradients += len(snapshot.x)
        snapshot.networks.logits(snapshot.x)
        return snapshot.networks.norms()[0]


@dataclass(frozen=True)
class Trains(pb.Scorer):
    """Trains networks together, or one at a time."""

    name = "trains"

    alone: bool = False

    def score(self, snapshot: pb.Snapshot) -> torch.Tensor:
        one_by_one = [snapshot.network(i) for i in range(snapshot.networks.seeds)]
        return torch.cat([self._after(each) for each in (one_by_one if self.alone else [snapshot])])

    def _after(self, snapshot: pb.Snapshot) -> torch.Tensor:
        return snapshot.train(snapshot.networks, from_step=snapshot.step, until=snapshot.step + 7).norms()


class TrainsEach(Trains):
    """By the method that is handed one network."""

    name = "trains_each"
    score = pb.Scorer.score

    def score_network(self, snapshot: pb.Snapshot) -> torch.Tensor:
        return self._after(snapshot)[0]


@pytest.mark.parametrize("scorer", [Trains(), Trains(alone=True), TrainsEach()])
def test_steps_are_counted_for_each_network(layered: pb.Trajectory, scorer: pb.Scorer) -> None:
    """Whether they train together or one by one, and whether one is asked about or three."""
    for snapshot in (layered.snapshot(20), layered.snapshot(20).network(1)):
        outcome = execute(scorer, snapshot)
        assert (outcome.extra_gradient_steps, outcome.sample_gradients) == (7, 7 * BATCH)


class TrainsFirst(Trains):
    name = "trains_first"

    def score(self, snapshot: pb.Snapshot) -> torch.Tensor:
        return self._after(snapshot.network(0)).repeat(snapshot.networks.seeds, 1)


def test_steps_of_some_of_the_networks_are_rounded_up(layered: pb.Trajectory) -> None:
    outcome = execute(TrainsFirst(), layered.snapshot(20))
    assert (outcome.extra_gradient_steps, outcome.sample_gradients) == (3, round(7 * BATCH / 3, 2))


class Signs(pb.Scorer):
    name = "signs"

    def score(self, snapshot: pb.Snapshot) -> torch.Tensor:
        return snapshot.networks.fisher_diagonal(snapshot.x, snapshot.y).norms()

    signs = score


def test_signs_of_the_same_sums_cost_nothing(run: pb.Trajectory) -> None:
    outcome = execute(Signs(), run.snapshot(15))
    assert outcome.error is None
    assert outcome.sample_gradients == N


@dataclass(frozen=True)
class Nonsense(pb.Scorer):
    name = "nonsense"

    left: object = float("nan")

    def score(self, snapshot: pb.Snapshot) -> torch.Tensor:
        snapshot.cost.sample_gradients = self.left  # type: ignore[assignment]
        return snapshot.networks.norms()


def test_a_scorer_adds_what_nobody_counts(layered: pb.Trajectory) -> None:
    assert execute(Own(), layered.snapshot(0)).sample_gradients == round(N + N / 3, 2)
    for left in (float("nan"), float("inf"), None, "many"):
        refused = execute(Nonsense(left), layered.snapshot(0))
        assert refused.error == f"left {left!r} sample gradients as its cost; a number from 0 up is needed"


def test_threads_count_their_own() -> None:
    """Side by side; what several add to one count adds up."""

    def work(times: int) -> float:
        with counted() as passes:
            for _ in range(times):
                count(1.0)
        return passes.sample_gradients

    with counted() as outside, ThreadPoolExecutor(4) as pool:
        assert list(pool.map(work, range(200))) == list(range(200))
    assert outside.sample_gradients == 0
    with counted() as passes:

        def add() -> None:
            for _ in range(10_000):
                passes.add(1.0, None, 0.0)

        workers = [threading.Thread(target=add) for _ in range(8)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    assert passes.sample_gradients == 80_000


def test_what_is_made_twice_is_counted_once() -> None:
    with counted() as passes:
        for made, seconds in ((b"one", 1.0), (b"two", 2.0), (b"one", 1.0), (None, 4.0), (None, 4.0)):
            count(3.0, made, seconds)
    assert (passes.sample_gradients, passes.seconds) == (4 * 3, 1 + 2 + 4 + 4)


def test_what_fails_inside_leaves_the_count_around_it() -> None:
    with counted() as passes:
        with pytest.raises(ZeroDivisionError), counted():
            count(1 / 0)
        count(1.0)
    assert passes.sample_gradients == 1


def test_a_scorer_in_a_process_of_its_own(layered: pb.Trajectory, tmp_path: Path) -> None:
    (tmp_path / "far.py").write_text(
        "import prunebench as pb\n\nclass Far(pb.Scorer):\n    name = 'far'\n    def score(self, snapshot):\n"
        "        return snapshot.networks.gradient(snapshot.x, snapshot.y).norms()\n"
    )
    isolation: Isolation[pb.Scorer] = Isolation(SCORERS, timeout=60.0, files=[tmp_path / "far.py"])
    assert execute(isolation.load("far"), layered.snapshot(0)).sample_gradients == N


class Slow(pb.Scorer):
    name = "slow"

    def score(self, snapshot: pb.Snapshot) -> torch.Tensor:
        time.sleep(0.4)
        return snapshot.networks.norms()


def test_what_a_row_says_is_of_all_networks_and_nothing_of_what_was_computed_elsewhere(
    task: pb.Task, recipe: pb.Recipe
) -> None:
    saved = saved_scores("saved", {"scores": np.random.default_rng(0).random((4, 16))}, range(4), 16)
    plan = Plan(task, recipe, [Slow(), saved], (0,), range(4), ("rank",), device="cpu")
    slow, elsewhere, *_ = run_plan(plan).rows
    assert 0.4 <= slow.cost.seconds < 4 * 0.4
    assert (slow.cost.sample_gradients, elsewhere.cost.sample_gradients) == (0, UNSET)


@pytest.fixture(scope="module")
def board(task: pb.Task, recipe: pb.Recipe) -> Board:
    scorers = [pb.load_scorer(name) for name in ("snip", "magnitude", "probe[steps=60]")]
    plan = Plan(task, recipe, scorers, (0, 15), range(4), ("rank",), device="cpu")
    with Store() as store:
        document, again = (run_plan(plan, store=store) for _ in range(2))
    assert [row.cost.sample_gradients for row in again.rows] == [
        row.cost.sample_gradients for row in document.rows
    ]
    return Board.of(document)


def test_it_is_kept_and_shown_as_a_share_of_the_training(board: Board) -> None:
    whole = board.recipe.steps * BATCH
    shares = {row.key: board.share_of_training(row) for row in board.rows}
    assert shares["snip", 0] == N / whole
    assert shares["snip", 15] == (15 * BATCH + N) / whole
    assert shares["probe[steps=60]", 15] == 75 / board.recipe.steps
    assert shares["magnitude", 0] == shares["random", 0] == 0
    assert Board.from_content(board.content(), "x").rows == board.rows
    assert "sample_gradients,share_of_training" in to_csv(board).splitlines()[0]
    assert percent(shares["snip", 0]) == "8.3 %"  # type: ignore[arg-type]
    assert (percent(3.0), percent(0.00123), percent(0.0)) == ("300 %", "0.12 %", "0 %")


def test_the_best_for_at_most_a_cost(board: Board) -> None:
    best = front(board)
    shares = [one.share for one in best]
    means = [one.row.spearman.mean for one in best]  # type: ignore[union-attr]
    assert shares == sorted(set(shares))
    assert means == sorted(set(means))
    for row in (row for row in board.rows if row.predicts):
        affordable = best_within(best, board.share_of_training(row))  # type: ignore[arg-type]
        assert affordable is not None
        assert affordable.row.spearman.mean >= row.spearman.mean  # type: ignore[union-attr]
    assert best_within(best, -1.0) is None
    assert "## How cheaply" in overview([board])


def test_of_those_that_cost_the_same_the_best_alone_is_named(board: Board) -> None:
    """And no control, whatever it reaches."""
    snip = next(row for row in board.rows if row.key == ("snip", 0))

    def of(scorer: str, mean: float, **changes: object) -> Row:
        metrics = {("spearman",): replace(snip.metrics["spearman",], mean=mean)}
        return replace(snip, scorer=scorer, name=scorer, metrics=metrics, **changes)

    rows = [of("fair", 0.2), of("good", 0.3), of("poor", 0.1), of("oracle", 1.0, sees_end=True, control=True)]
    assert [one.row.scorer for one in front(replace(board, rows=rows))] == ["good"]


def test_what_was_not_counted_is_unknown(board: Board) -> None:
    """Boards of before have no column and no table for it."""
    old = uncounted(board)
    assert "sample_gradients" not in to_csv(old)
    assert "How cheaply" not in overview([old])
    assert front(old) == []
    joined = old.join(replace(board, rows=[row for row in board.rows if row.at_step == 0]))
    assert {row.at_step for row in joined.rows if joined.share_of_training(row) is None} == {15}


def uncounted(board: Board) -> Board:
    rows = [replace(row, cost=Cost(row.cost.gradient_steps, 0, row.cost.seconds)) for row in board.rows]
    return replace(board, rows=rows)
