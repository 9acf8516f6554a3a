import numpy as np
import torch

import prunebench as pb
from prunebench.evaluation.prune import prune_early, prune_final

ALL = (1.0,)


def test_keeping_all_changes_nothing(run: pb.Trajectory) -> None:
    scores = torch.rand(4, 16, generator=torch.Generator().manual_seed(0))
    dense = run.final.accuracy(run.task.x_test, run.task.y_test).double().numpy()
    assert np.array_equal(
        prune_final(scores, run.final, run.task, ALL)["accuracy", "prune_final", "1"], dense
    )


def test_keeping_all_early_is_the_dense_training(run: pb.Trajectory) -> None:
    """The kept neurons carry their velocity on, so the narrow training repeats the dense one."""
    scores = torch.rand(4, 16, generator=torch.Generator().manual_seed(0))
    state = run.states[15].keep(torch.arange(16).repeat(4, 1))
    again = pb.train(run.task, run.recipe, seeds=range(4), start=state, device="cpu").final
    for a, b in zip(again.tensors, run.final.tensors, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-7)
    early, _ = prune_early([scores], run, 15, ALL)
    dense = run.final.accuracy(run.task.x_test, run.task.y_test).double().numpy()
    assert np.allclose(early["accuracy", "prune_early", "1"], dense)


def test_oracle_pruning_keeps_the_largest(run: pb.Trajectory) -> None:
    """Pruned to one neuron, the network is the one with its largest neuron alone."""
    norms = run.final.norms("effective")
    alone = run.final.keep(norms.argmax(dim=1, keepdim=True))
    expected = alone.accuracy(run.task.x_test, run.task.y_test).double().numpy()
    metrics = prune_final(norms, run.final, run.task, (0.01,))
    assert np.array_equal(metrics["accuracy", "prune_final", "0.01"], expected)


def test_candidates_do_not_mix(run: pb.Trajectory) -> None:
    """Side by side or alone, each candidate's narrow networks are the same; the control comes last."""
    draws = torch.rand(2, 4, 16, generator=torch.Generator().manual_seed(2))
    both = prune_early(list(draws), run, 15, (0.5, 0.1))
    alone = prune_early([draws[1]], run, 15, (0.5, 0.1))
    assert len(both) == 3
    for path in alone[0]:
        assert np.allclose(both[1][path], alone[0][path])
        assert np.allclose(both[2][path], alone[1][path])


def test_reinitialised_control_is_drawn_afresh(run: pb.Trajectory) -> None:
    """At step 0 it is a lottery ticket's mask with new weights: not the weights of the seed itself."""
    from prunebench.evaluation.prune import _fresh_state

    fresh, again = _fresh_state(run, 0, 3), _fresh_state(run, 0, 3)
    assert torch.equal(fresh.networks.w_in, again.networks.w_in)
    assert not torch.isin(fresh.networks.w_in, run.initial.w_in).any()
