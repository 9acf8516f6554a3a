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
        (lambda s: s.networks.norms().long(), "int64"),
        (lambda s: s.networks.norms().numpy().astype(int), "array of int64"),
        (lambda s: s.networks.norms().numpy()[0], "returned shape (16,)"),
        (lambda s: s.networks.norms().double() * 1e300, "64 scores that are NaN or infinite"),
        (lambda s: s.networks.norms().to_sparse(), "layout torch.sparse_coo"),
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


@pytest.mark.parametrize(
    "value",
    [
        lambda norms: norms.double(),
        lambda norms: norms.requires_grad_(),
        torch.nn.Parameter,
        lambda norms: norms.numpy(),
        lambda norms: norms.double().numpy(),
        lambda norms: norms.numpy()[::-1][::-1],
    ],
)
def test_arrays_gradients_and_precision_are_taken_care_of(run: pb.Trajectory, value) -> None:
    outcome = execute(returns(lambda snapshot: value(snapshot.networks.norms())), run.snapshot(15))
    assert outcome.error is None
    assert type(outcome.scores) is torch.Tensor
    assert not outcome.scores.requires_grad
    assert torch.equal(outcome.scores, run.snapshots[15].norms())


def test_an_error_names_the_last_line_of_the_authors_own(run: pb.Trajectory) -> None:
    outcome = execute(returns(lambda snapshot: torch.zeros(2) @ torch.zeros(3)), run.snapshot(15))
    assert outcome.error is not None
    assert outcome.error.endswith("in <lambda>)")
    assert "(test_execute.py:" in outcome.error
    assert outcome.traceback is not None
    assert outcome.traceback.startswith("Traceback (most recent call last):")


def test_ctrl_c_is_not_the_scorers_failure(run: pb.Trajectory) -> None:
    def interrupted(snapshot: pb.Snapshot) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        execute(returns(interrupted), run.snapshot(15))


def test_neither_method_overridden(run: pb.Trajectory) -> None:
    class Empty(pb.Scorer):
        name = "empty"

    assert "overrides neither" in (execute(Empty(), run.snapshot(0)).error or "")
