"""Which of the two classes is called 0 is an accident, and no number may depend on it."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch

import prunebench as pb
from prunebench.benchmark.measures import Asked, measure_network, measure_scores
from prunebench.benchmark.plan import DENSE
from prunebench.evaluation.prune import prune_early
from prunebench.evaluation.shallow_subject import ShallowSubject
from prunebench.networks import accuracy, predictions
from prunebench.store.records import Measure
from prunebench.training.engines.kernels import evaluate
from prunebench.training.state import State

SHARES = (0.5, 0.2, 0.01)
Scores = tuple[torch.Tensor, torch.Tensor]


@pytest.fixture(scope="module")
def silent_run(task: pb.Task, recipe: pb.Recipe) -> pb.Trajectory:
    """Trained networks whose neurons 0 to 3 gate nothing: parallel to others, and unlike each other."""
    run = pb.train(task, recipe, seeds=range(3), snapshot_steps=(15,), device="cpu")
    for networks in (run.final, *run.snapshots.values()):
        networks.w_in[:, :4] = 0.5 * networks.w_in[:, 4:8]
        networks.bias[:, :4] = -100.0
    return run


@pytest.fixture(scope="module")
def scores(silent_run: pb.Trajectory) -> Scores:
    """Silent neurons first, so that few kept are all silent; and signs, some of which are 0."""
    draw = torch.Generator().manual_seed(0)
    values, signs = (torch.rand(3, 16, generator=draw) for _ in range(2))
    values[:, :4] += 1
    return values, torch.sign((3 * signs).floor() - 1)


def swapped(run: pb.Trajectory) -> pb.Trajectory:
    """The same networks and data, the classes called by each other's numbers."""
    task = run.task
    other = pb.Task(task.x_train, 1 - task.y_train, task.x_test, 1 - task.y_test, task.name)
    states = {
        step: State(flipped(state.networks), step, flipped(state.velocity))
        for step, state in run.states.items()
    }
    return pb.Trajectory(
        other, run.recipe, run.seeds, flipped(run.initial), flipped(run.final), states, run.history, 120, 0.0
    )


def flipped(networks: pb.Networks) -> pb.Networks:
    return pb.shallow_networks(networks.w_in, networks.bias, networks.w_out.flip(1))


def expect_equal(a: Mapping[Any, Any], b: Mapping[Any, Any]) -> None:
    assert a.keys() == b.keys()
    for path, values in a.items():
        np.testing.assert_allclose(b[path], values, rtol=1e-12, err_msg=str(path))


def test_of_scores_no_metric_changes(silent_run: pb.Trajectory, scores: Scores) -> None:
    kinds = ("prune_final", "merge")
    measures = [Measure("rank"), *(Measure(kind, f"{share:g}") for kind in kinds for share in SHARES)]
    other = swapped(silent_run)
    for s, (values, signs) in enumerate(zip(*scores, strict=True)):
        one, two = (
            measure_scores(
                {DENSE: Asked(values[None].numpy(), sign * signs[None].numpy(), measures)},
                ShallowSubject(run.final.select(s), run.task),
                run.seeds[s],
            )[DENSE]
            for run, sign in ((silent_run, 1), (other, -1))
        )
        assert one.keys() == two.keys() == set(measures)
        for measure in measures:
            expect_equal(one[measure], two[measure])
        assert one[Measure("prune_final", "0.01")]["accuracy/prune_final/0.01"] == [0.5]


def test_of_the_networks_no_metric_changes(silent_run: pb.Trajectory) -> None:
    other = swapped(silent_run)
    for s in range(3):
        one, two = (
            measure_network(Measure("dense"), ShallowSubject(run.final.select(s), run.task))
            for run in (silent_run, other)
        )
        kinds = {path.partition("/")[0] for path in one}
        assert kinds == {"accuracy", "train_accuracy", "groups", "same_prediction"}
        expect_equal(one, two)


def test_pruned_early_no_metric_changes(silent_run: pb.Trajectory, scores: Scores) -> None:
    """One silent neuron, kept and trained, never speaks: chance, and not the share of class 0."""
    one, two = (
        {
            path: values
            for share in SHARES
            for path, values in prune_early([scores[0]], run, 15, share, control=False)[0].items()
        }
        for run in (silent_run, swapped(silent_run))
    )
    expect_equal(one, two)
    assert (one["accuracy", "prune_early", "0.01"] == 0.5).all()


def test_tied_classes_share_the_credit() -> None:
    logits = torch.tensor([[[0.0, 0, 0], [2, 2, 1], [0, 1, 0], [torch.nan, 0, 0]]])
    expected = [[1 / 3] * 3, [0.5, 0.5, 0], [0, 1, 0], [0, 0, 0]]
    torch.testing.assert_close(predictions(logits)[0], torch.tensor(expected, dtype=torch.float64))
    assert accuracy(logits, torch.tensor([2, 0, 1, 0])).item() == pytest.approx((1 / 3 + 1 / 2 + 1 + 0) / 4)


def test_the_compiled_curves_count_ties_alike() -> None:
    """Samples whose neurons are all silent, and one that is right."""
    w_out = np.eye(2, 3, dtype=np.float32)
    before = np.array([[-1, -1, -1], [-1, -1, -1], [2, 1, 0], [2, 2, 0]], dtype=np.float32)
    assert evaluate(before, w_out, np.array([0, 1, 0, 1]))[1] == 0.5 + 0.5 + 1 + 0.5
