from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

import prunebench as pb
from prunebench.evaluation import prune
from prunebench.evaluation.prune import prune_early
from prunebench.scoring.execute import execute
from prunebench.training.loop import LoopResult, run_loop
from prunebench.training.state import State

ALL = 1.0


def test_keeping_all_early_is_the_dense_training(run: pb.Trajectory) -> None:
    """The kept neurons carry their velocity on, so the narrow training repeats the dense one."""
    scores = torch.rand(4, 16, generator=torch.Generator().manual_seed(0))
    state = run.states[15].keep(torch.arange(16).repeat(4, 1))
    again = pb.train(run.task, run.recipe, seeds=range(4), start=state, device="cpu").final
    for a, b in zip(again.tensors.values(), run.final.tensors.values(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-7)
    early, _ = prune_early([scores], run, 15, ALL)
    dense = run.final.accuracy(run.task.x_test, run.task.y_test).double().numpy()
    assert np.allclose(early["accuracy", "prune_early", "1"], dense)


@pytest.mark.parametrize("share", [0.5, 0.1])
def test_candidates_do_not_mix(run: pb.Trajectory, share: float) -> None:
    """Side by side or alone, each candidate's narrow networks are the same; the control comes last."""
    draws = torch.rand(2, 4, 16, generator=torch.Generator().manual_seed(2))
    both = prune_early(list(draws), run, 15, share)
    alone = prune_early([draws[1]], run, 15, share)
    assert len(both) == 3
    for path in alone[0]:
        assert np.allclose(both[1][path], alone[0][path])
        assert np.allclose(both[2][path], alone[1][path])


def test_pruned_networks_that_diverge_are_at_chance(run: pb.Trajectory) -> None:
    """NaN logits name no class, which is below chance."""
    wild = replace(run, recipe=replace(run.recipe, learning_rate=1000))
    found, control = prune_early([torch.rand(4, 16)], wild, 15, 0.5)
    for metrics in (found, control):
        for values in metrics.values():
            assert 0.5 in values
            assert values.min() > 0.25  # of those that are stuck at some numbers


def test_a_scorer_whose_own_training_diverges_has_failed(run: pb.Trajectory) -> None:
    """IMP would take weights that are no numbers for the largest."""
    snapshot = run.snapshot(0)
    wild = replace(snapshot, recipe=replace(run.recipe, learning_rate=1000))
    outcome = execute(pb.load_scorer("imp"), wild)
    assert outcome.scores is None
    assert "its own training diverged" in str(outcome.error)


def test_equal_choices_are_trained_once(run: pb.Trajectory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two scorers that keep the same neurons of two of the four networks share those trainings."""
    trained: list[int] = []

    def ears(
        task: pb.Task, recipe: pb.Recipe, state: State, seeds: tuple[int, ...], **others: Any
    ) -> LoopResult:
        trained.append(len(seeds))
        return run_loop(task, recipe, state, seeds, **others)

    monkeypatch.setattr(prune, "run_loop", ears)
    one = torch.rand(4, 16, generator=torch.Generator().manual_seed(2))
    other = one.clone()
    other[:2] = -other[:2]
    first, second, _ = prune_early([one, other], run, 15, 0.5)
    assert trained == [4 + 2 + 4]
    for path, values in first.items():
        assert np.array_equal(values[2:], second[path][2:])
        assert np.allclose(second[path], prune_early([other], run, 15, 0.5)[0][path])


def test_reinitialised_control_is_drawn_afresh(run: pb.Trajectory) -> None:
    """At step 0 it is a lottery ticket's mask with new weights: not the weights of the seed itself."""
    from prunebench.evaluation.prune import _fresh_state

    fresh, again = _fresh_state(run, 0), _fresh_state(run, 0)
    assert torch.equal(fresh.networks.w_in, again.networks.w_in)
    assert not torch.isin(fresh.networks.w_in, run.initial.w_in).any()
