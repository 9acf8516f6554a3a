import sys
import time

import pytest
import torch

import prunebench as pb
from prunebench.scoring.execute import execute


class Norm(pb.Scorer):
    name = "norm"

    def score(self, snapshot: pb.Snapshot) -> torch.Tensor:
        return snapshot.networks.norms()


class PerNetwork(pb.Scorer):
    name = "per_network"

    def score_network(self, snapshot: pb.Snapshot) -> torch.Tensor:
        assert snapshot.networks.seeds == 1
        return snapshot.networks.norms()[0] + snapshot.seeds[0]


def test_scores_and_time_are_returned(run: pb.Trajectory) -> None:
    outcome = execute(Norm(), run.snapshot(15))
    assert outcome.error is None
    assert torch.equal(outcome.scores, run.snapshots[15].norms())
    assert outcome.seconds > 0


def test_network_by_network(run: pb.Trajectory) -> None:
    outcome = execute(PerNetwork(), run.snapshot(15))
    expected = run.snapshots[15].norms() + torch.arange(4.0)[:, None]
    torch.testing.assert_close(outcome.scores, expected)


class Trains(Norm):
    name = "trains"

    def score(self, snapshot: pb.Snapshot) -> torch.Tensor:
        time.sleep(0.01)
        return snapshot.train(snapshot.initial).norms()


def test_own_training_is_counted_and_repeats_the_reference(run: pb.Trajectory) -> None:
    outcome = execute(Trains(), run.snapshot(15))
    assert outcome.extra_gradient_steps == run.recipe.steps
    torch.testing.assert_close(outcome.scores, run.final.norms(), rtol=1e-4, atol=1e-6)


def returns(value):
    class Returns(pb.Scorer):
        name = "returns"

        def score(self, snapshot: pb.Snapshot):
            return value(snapshot)

    return Returns()


def mutate(snapshot: pb.Snapshot) -> torch.Tensor:
    scores = snapshot.networks.norms()
    snapshot.networks.w_in[0, 0, 0] += 1
    return scores


def mutate_task(snapshot: pb.Snapshot) -> torch.Tensor:
    snapshot.task.x_train.zero_()
    return snapshot.networks.norms()


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (lambda s: 1 / 0, "ZeroDivisionError"),
        (lambda s: sys.exit(1), "SystemExit"),
        (lambda s: s.networks.norms().tolist(), "returned list"),
        (lambda s: s.networks.norms().T, "returned shape"),
        (lambda s: s.networks.norms().double(), "float64"),
        (lambda s: s.networks.norms().long(), "int64"),
        (lambda s: s.networks.norms().requires_grad_(), "require grad"),
        (lambda s: s.networks.norms() * float("nan"), "64 scores that are NaN"),
        (lambda s: torch.zeros(4, 16), "constant score for 4 of 4"),
        (lambda s: None, "NoneType"),
        (mutate, "changed its snapshot"),
        (mutate_task, "changed its snapshot"),
    ],
)
def test_failures_are_recorded_and_harm_nothing(run: pb.Trajectory, value, message: str) -> None:
    before = run.snapshots[15].clone()
    outcome = execute(returns(value), run.snapshot(15))
    assert outcome.scores is None
    assert outcome.error is not None
    assert message in outcome.error
    assert "\n" not in outcome.error
    assert torch.equal(before.w_in, run.snapshots[15].w_in)
    assert execute(Norm(), run.snapshot(15)).error is None


def test_neither_method_overridden(run: pb.Trajectory) -> None:
    class Empty(pb.Scorer):
        name = "empty"

    assert "overrides neither" in (execute(Empty(), run.snapshot(0)).error or "")
