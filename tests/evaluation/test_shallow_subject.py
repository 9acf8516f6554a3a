"""Protocols that work from a trained network's activations, against networks that are really made and run."""

from collections.abc import Callable

import pytest
import torch

import prunebench as pb
from prunebench.evaluation import merge, shallow_subject
from prunebench.evaluation.merge import folded, merge_groups
from prunebench.evaluation.metrics import SPLITS
from prunebench.evaluation.selection import top_k
from prunebench.evaluation.shallow_subject import ShallowSubject


@pytest.fixture(scope="module")
def parallel_run(run: pb.Trajectory) -> pb.Networks:
    """Trained networks with neurons that fold: some parallel to others, one without weights, one silent."""
    nets = run.final.clone()
    nets.w_in[:, :5], nets.bias[:, :5] = 1.5 * nets.w_in[:, 5:10], 1.4 * nets.bias[:, 5:10]
    nets.w_in[:, 2] += 0.1 * nets.w_in[:, 2].abs()
    nets.w_in[:, 14], nets.bias[:, 14], nets.bias[:, 15] = 0, 0, -100
    return nets


def choices(count: int, k: int) -> torch.Tensor:
    return top_k(torch.rand(count, 16, generator=torch.Generator().manual_seed(k)), k)


def really(networks: pb.Networks, task: pb.Task) -> dict[str, torch.Tensor]:
    return {
        "test": networks.accuracy(task.x_test, task.y_test),
        "train": networks.accuracy(task.x_train, task.y_train),
    }


@pytest.mark.parametrize("k", [1, 3, 8, 16])
def test_pruned_and_folded_networks_say_what_they_would_say(
    parallel_run: pb.Networks, task: pb.Task, k: int
) -> None:
    sums = 0
    for s in range(parallel_run.seeds):
        final = ShallowSubject(parallel_run.select(s), task)
        kept = choices(5, k)
        copies = final.precise.select([0] * 5)
        made = {
            final.pruned(kept): copies.keep(kept),
            folded(final, kept): pb.theory.fold(copies, task, kept),
        }
        for narrowed, networks in made.items():
            sums += 0 if narrowed.sums is None else len(narrowed.sums.starts)
            for split, x in (("test", task.x_test), ("train", task.x_train)):
                torch.testing.assert_close(final.logits(narrowed, split), networks.logits(x))
                assert torch.equal(final.accuracies([narrowed], split)[0], really(networks, task)[split])
    assert (sums > 0) == (k < 16)  # nothing is left to be folded


def test_the_whole_network_and_its_groups(parallel_run: pb.Networks, task: pb.Task) -> None:
    for s in range(parallel_run.seeds):
        final = ShallowSubject(parallel_run.select(s), task)
        merged, metrics = merge_groups(final)
        labels = pb.theory.groups(final.network, task)
        assert metrics["groups", "all"] == int(labels.max()) + 1 < 16
        expected = pb.theory.merge(final.precise, labels)
        torch.testing.assert_close(final.logits(merged, "test"), expected.logits(task.x_test))
        norms = final.network.norms()[0]
        relevant = labels[0][norms >= 0.01 * norms.max()].unique()
        assert metrics["groups", "relevant"] == len(relevant) < int(labels.max()) + 1
        assert torch.equal(final.accuracies([final.whole()], "test")[0], really(final.network, task)["test"])
        assert torch.equal(final.orientation, pb.theory.orientation(final.network, task)[0].double())


def test_what_merged_groups_say_is_compared_on_the_test_set(
    parallel_run: pb.Networks, task: pb.Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At a threshold so low that they say something else."""
    monkeypatch.setattr(merge, "THRESHOLD", 0.01)
    shares = []
    for s in range(parallel_run.seeds):
        final = ShallowSubject(parallel_run.select(s), task)
        merged, metrics = merge_groups(final)
        one, other = (final.logits(each, "test")[0].argmax(dim=1) for each in (final.whole(), merged))
        shares.append(float((one == other).double().mean()))
        assert metrics["same_prediction",] == pytest.approx(shares[-1])
    assert min(shares) < 1


def test_memory_is_bounded_and_changes_nothing(
    parallel_run: pb.Networks, task: pb.Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Activations that do not fit are computed again, some samples at a time; those that fit, once."""

    def measured() -> tuple[list[torch.Tensor], int]:
        forward: list[int] = []
        addmm: Callable[..., torch.Tensor] = torch.addmm
        monkeypatch.setattr(torch, "addmm", lambda *a, **k: forward.append(1) or addmm(*a, **k))  # type: ignore[func-returns-value]
        final = ShallowSubject(parallel_run.select(0), task)
        kept = [choices(4, k) for k in (3, 8)]
        networks = [folded(final, k) for k in kept]
        found = [a for split in SPLITS.values() for a in final.accuracies(networks, split)]
        monkeypatch.setattr(torch, "addmm", addmm)
        return found, len(forward)

    once, forward = measured()
    assert forward == 2
    monkeypatch.setattr(shallow_subject, "KEPT_BYTES", 0)
    monkeypatch.setattr(shallow_subject, "SAMPLES_AT_ONCE", 7)
    again, blocks = measured()
    assert blocks > 2 * 6
    assert all(torch.equal(a, b) for a, b in zip(once, again, strict=True))


def test_of_more_classes_neurons_fold_by_their_direction_alone() -> None:
    draw = torch.Generator().manual_seed(3)
    w_in, bias, w_out = (torch.randn(shape, generator=draw) for shape in ((1, 8, 5), (1, 8), (1, 3, 8)))
    w_in[:, 4:], bias[:, 4:] = 2 * w_in[:, :4], 2 * bias[:, :4]
    networks = pb.shallow_networks(w_in, bias, w_out)
    x, y = torch.randn(30, 5, generator=draw), torch.arange(30) % 3
    final = ShallowSubject(networks, pb.Task(x, y, x, y))
    narrowed = folded(final, torch.tensor([[0, 1, 2, 3]]))
    torch.testing.assert_close(final.logits(narrowed, "test")[0], final.precise.logits(x)[0])
    by_theory = pb.theory.fold(networks, final.task, torch.tensor([[0, 1, 2, 3]]))
    torch.testing.assert_close(by_theory.logits(x), networks.logits(x))
