"""`fisher_pruning` keeps the contract, and is what the paper says."""

import pytest
import torch
from prunebench_fisher import FisherPruning

import prunebench as pb
from prunebench.testing import ScorerConformance


class TestGiven(ScorerConformance):
    scorer = FisherPruning()


class TestPredicted(ScorerConformance):
    scorer = FisherPruning(labels="predicted")


@pytest.fixture
def snapshot() -> pb.Snapshot:
    """Two networks of 5 neurons on 20 samples."""
    draw = torch.Generator().manual_seed(1)
    x, y = torch.randn(20, 3, generator=draw), torch.arange(20) % 2
    recipe = pb.Recipe(width=5, init_std=0.5, steps=10)
    networks = pb.initialise(recipe, 3, seeds=range(2))
    return pb.Snapshot(pb.Task(x, y, x, y, name="toy"), recipe, 0, networks, networks)


def by_autograd(snapshot: pb.Snapshot, labels: torch.Tensor) -> torch.Tensor:
    """Per network, sample and neuron: the squared effect, half."""
    networks = snapshot.networks
    hidden = torch.relu(networks.pre_activations(snapshot.x)).requires_grad_()
    logits = hidden @ networks.w_out.transpose(1, 2)
    target = labels.expand(networks.seeds, -1)
    torch.nn.functional.cross_entropy(logits.flatten(0, 1), target.flatten(), reduction="sum").backward()
    return (hidden * hidden.grad).detach() ** 2 / 2


def test_given_labels_by_autograd(snapshot: pb.Snapshot) -> None:
    torch.testing.assert_close(FisherPruning().score(snapshot), by_autograd(snapshot, snapshot.y).mean(dim=1))


def test_predicted_labels_by_autograd(snapshot: pb.Snapshot) -> None:
    probability = torch.softmax(snapshot.networks.logits(snapshot.x), dim=2)
    both = [by_autograd(snapshot, torch.full_like(snapshot.y, label)) for label in (0, 1)]
    expected = sum(probability[:, :, [label]] * both[label] for label in (0, 1)).mean(dim=1)
    torch.testing.assert_close(FisherPruning(labels="predicted").score(snapshot), expected)


def test_entry_point() -> None:
    assert pb.load_scorer("fisher_pruning[labels=predicted]") == FisherPruning(labels="predicted")
