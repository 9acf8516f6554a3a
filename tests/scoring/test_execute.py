import os
import sys
import time

import numpy as np
import pytest
import torch

import prunebench as pb
from prunebench.cache import cached
from prunebench.scoring.execute import execute, unfit
from prunebench.scoring.outcome import judge


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


class Precise(Norm):
    name = "precise"

    def score(self, snapshot: pb.Snapshot) -> torch.Tensor:
        settings = torch.backends.cuda.matmul, torch.backends.cudnn.conv, torch.backends.cudnn.rnn
        assert [setting.fp32_precision for setting in settings] == ["ieee"] * 3
        assert not torch.backends.cudnn.allow_tf32  # which cannot be read where these differ from it
        with torch.backends.cudnn.flags(enabled=False):
            torch.backends.cudnn.allow_tf32 = True
        torch.backends.cudnn.conv.fp32_precision = "tf32"  # and not of recurrent layers
        return super().score(snapshot)


@pytest.mark.skipif(not hasattr(torch.backends.cudnn, "conv"), reason="settings of torch 2.9")
def test_scores_are_computed_in_true_float32(run: pb.Trajectory) -> None:
    """TF32 is PyTorch's default for convolutions on a GPU, and changes ranks."""
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = True
    try:
        assert execute(Precise(), run.snapshot(15)).error is None
        assert torch.backends.cudnn.allow_tf32
        assert torch.backends.cudnn.conv.fp32_precision == "tf32"
    finally:
        torch.backends.cudnn.allow_tf32 = before


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


def add(snapshot: pb.Snapshot) -> torch.Tensor:
    snapshot.networks.tensors["zero"] = torch.zeros(1)
    return snapshot.networks.norms()


def remove(snapshot: pb.Snapshot) -> torch.Tensor:
    del snapshot.initial.tensors["bias"]
    return snapshot.networks.norms()


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
        (lambda s: mutate(s).T, "returned shape"),
        (add, "changed its snapshot"),
        (remove, "changed its snapshot"),
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


@pytest.mark.parametrize("fails", [mutate, lambda s: 1 / 0, lambda s: None])
def test_what_one_that_fails_has_trained_is_kept(run: pb.Trajectory, fails) -> None:
    def trains(snapshot: pb.Snapshot) -> object:
        snapshot.train(snapshot.initial, until=5)
        return fails(snapshot)

    outcome = execute(returns(trains), run.snapshot(15))
    assert outcome.error is not None
    assert outcome.extra_gradient_steps == 5
    assert outcome.seconds > 0


@pytest.mark.parametrize(
    ("scores", "constant"),
    [
        ([[1.0, 1.0], [2.0, 1.0]], "1 of 2"),
        ([[1.0, 1.0], [2.0, 2.0]], "2 of 2"),
        ([[1.0], [1.0]], None),
    ],
)
def test_a_constant_score_ranks_nothing(scores: list[list[float]], constant: str | None) -> None:
    """In any of the networks; of one neuron there is no other."""
    given = torch.tensor(scores)
    width = given.shape[1]
    nets = pb.shallow_networks(torch.ones(2, width, 3), torch.ones(2, width), torch.ones(2, 2, width))
    expected = constant and f"returned a constant score for {constant} networks; it ranks nothing"
    assert judge(given, None, 0, 0, 0.1, nets).error == expected


def test_numpys_numbers_count(networks: pb.Networks) -> None:
    for steps, passes in ((np.int64(7), np.float32(2.5)), (np.uint8(7), np.int32(2))):
        outcome = judge(torch.rand(3, 16), None, steps, passes, 0.1, networks)
        assert (outcome.error, outcome.extra_gradient_steps, outcome.sample_gradients) == (None, 7, passes)
    assert "left True sample gradients" in str(judge(torch.rand(3, 16), None, 7, True, 0.1, networks).error)


def test_arrays_keep_the_precision_of_the_networks(networks: pb.Networks) -> None:
    given = np.random.default_rng(0).random((3, 16))
    found = judge(given, None, 0, 0, 0.1, networks.to(dtype=torch.float64)).scores
    assert np.array_equal(found, given)


def test_what_was_computed_for_another_one_has_its_time(
    run: pb.Trajectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("prunebench.cache.BYTES", 10**6)

    def score(snapshot: pb.Snapshot) -> torch.Tensor:
        def compute() -> tuple[torch.Tensor, ...]:
            time.sleep(0.05)
            return (snapshot.networks.norms(),)

        return cached("slow norms", [snapshot.networks.w_in], compute)[0]

    assert all(0.05 <= execute(returns(score), run.snapshot(15)).seconds < 5 for _ in range(2))


@pytest.mark.parametrize(
    "value",
    [
        lambda norms: norms.double(),
        lambda norms: norms.requires_grad_(),
        torch.nn.Parameter,
        lambda norms: norms.numpy(),
        lambda norms: norms.double().numpy(),
        lambda norms: norms.numpy()[::-1].copy()[::-1],
        lambda norms: norms.numpy().astype(">f4"),
        lambda norms: norms.numpy().astype(np.longdouble),
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


def settings() -> list[object]:
    return [
        *(torch.get_default_dtype(), torch.is_grad_enabled(), torch.get_num_threads(), np.geterr()),
        *(torch.are_deterministic_algorithms_enabled(), dict(os.environ)),
    ]


def test_what_a_scorer_sets_for_its_process_is_put_back(run: pb.Trajectory) -> None:
    """The next scorer would fail, or score otherwise, for what another one did."""

    class Sets(Norm):
        name = "sets"

        def unfit(self, networks: pb.Networks, task: pb.Task) -> None:
            torch.set_grad_enabled(False)

        def score(self, snapshot: pb.Snapshot) -> torch.Tensor:
            torch.set_default_dtype(torch.float64)
            torch.use_deterministic_algorithms(True)
            os.environ["PRUNEBENCH_TEST"] = "set"
            os.environ.pop("PATH")
            return snapshot.networks.norms()

        def signs(self, snapshot: pb.Snapshot) -> None:
            torch.set_num_threads(torch.get_num_threads() + 1)
            np.seterr(all="raise")
            raise ValueError("what is raised changes nothing of it")

    before = settings()
    assert unfit(Sets(), run.snapshot(15)) is None
    assert settings() == before
    assert "ValueError" in (execute(Sets(), run.snapshot(15)).error or "")
    assert settings() == before


@pytest.mark.parametrize("array", [False, True])
def test_scores_are_safe_from_a_buffer_that_is_used_again(run: pb.Trajectory, array: bool) -> None:
    buffer = torch.zeros(run.final.seeds, run.final.units)

    class Reuses(Norm):
        name = "reuses"

        def score(self, snapshot: pb.Snapshot):
            buffer.copy_(snapshot.networks.norms())
            return buffer.numpy() if array else buffer

        def signs(self, snapshot: pb.Snapshot):
            buffer.fill_(-1 - snapshot.step)
            return buffer.numpy() if array else buffer

    first, other = (execute(Reuses(), run.snapshot(step)) for step in (15, 0))
    assert first.error is None
    assert torch.equal(first.scores, run.snapshots[15].norms())
    assert torch.equal(first.signs, torch.full_like(buffer, -16))
    assert torch.equal(other.scores, run.snapshots[0].norms())


def test_ctrl_c_is_not_the_scorers_failure(run: pb.Trajectory) -> None:
    def interrupted(snapshot: pb.Snapshot) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        execute(returns(interrupted), run.snapshot(15))


def test_neither_method_overridden(run: pb.Trajectory) -> None:
    class Empty(pb.Scorer):
        name = "empty"

    assert "overrides neither" in (execute(Empty(), run.snapshot(0)).error or "")
