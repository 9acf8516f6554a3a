"""Groups by cosine and orientation."""

import itertools
import math

import pytest
import torch

import prunebench as pb


def fan(degrees, *, task_sign=1.0, lengths=None):
    """One network of two inputs whose neurons point at these angles, all seeing the same single direction."""
    angles = torch.tensor(degrees, dtype=torch.float64) * math.pi / 180
    w = torch.stack([torch.cos(angles), torch.sin(angles)], dim=1)
    if lengths is not None:
        w = w * torch.tensor(lengths, dtype=torch.float64)[:, None]
    return pb.shallow_networks(
        w[None], torch.zeros(1, len(w), dtype=torch.float64), torch.ones(1, 2, len(w), dtype=torch.float64)
    )


@pytest.fixture
def one_sided():
    """Everything to the right is class 1, everything to the left class 2."""
    x = torch.tensor([[1.0, 0.0], [2.0, 0.1], [-1.0, 0.0], [-2.0, 0.1]])
    y = torch.tensor([0, 0, 1, 1])
    return pb.Task(x, y, x, y)


def test_complete_linkage_bounds_every_pair_and_single_linkage_chains(one_sided):
    # cos 15 deg = 0.966, cos 30 deg = 0.866: each reaches its neighbour only.
    networks = fan([0, 15, 30])
    assert pb.theory.groups(networks, one_sided, 0.95, "single").tolist() == [[0, 0, 0]]
    complete = pb.theory.groups(networks, one_sided, 0.95)[0].tolist()
    assert len(set(complete)) == 2
    assert complete[0] != complete[2]


@pytest.mark.parametrize("linkage", ["complete", "average", "single"])
def test_groups_against_the_definition(linkage):
    torch.manual_seed(0)
    x, y = torch.randn(12, 3), torch.arange(12) % 2
    task = pb.Task(x, y, x, y)
    networks = pb.shallow_networks(torch.randn(2, 25, 3), 0.1 * torch.randn(2, 25), torch.randn(2, 2, 25))
    labels = pb.theory.groups(networks, task, 0.9, linkage)
    c = pb.theory.orientation(networks, task)
    cosine = torch.nn.functional.cosine_similarity(
        networks.w_in[:, :, None].double(), networks.w_in[:, None].double(), dim=3
    )
    for s in range(2):
        assert sorted(set(labels[s].tolist())) == list(range(int(labels[s].max()) + 1))
        groups = [torch.where(labels[s] == g)[0].tolist() for g in labels[s].unique()]
        assert max(len(g) for g in groups) > 1
        for group in groups:
            assert len(c[s, group].unique()) == 1
            pairs = [float(cosine[s, i, j]) for i, j in itertools.combinations(group, 2)]
            if pairs and linkage == "complete":
                assert min(pairs) >= 0.9
            for i in group:
                if len(group) > 1 and linkage == "single":
                    assert max(float(cosine[s, i, j]) for j in group if j != i) >= 0.9
        for one, two in itertools.combinations(groups, 2):
            between = cosine[s][one][:, two]
            if c[s, one[0]] == c[s, two[0]]:  # else they may be as parallel as they like
                value = {"complete": between.min(), "average": between.mean(), "single": between.max()}
                assert float(value[linkage]) < 0.9


def test_equal_directions_are_one_group_even_at_threshold_1(one_sided):
    networks = fan([0, 0, 40], lengths=[1.0, 1e-5, 1.0])
    assert pb.theory.groups(networks, one_sided, 1.0).tolist() == [[0, 0, 1]]


def test_opposite_orientation_is_never_one_group(one_sided):
    """Nearly parallel neurons on either side of the vertical see different classes."""
    assert pb.theory.groups(fan([89, 91]), one_sided, 0.95).tolist() == [[0, 1]]


def test_neurons_without_weights_are_alone(one_sided):
    networks = fan([0, 0, 0, 0], lengths=[1.0, 0.0, 0.0, 1.0])
    assert pb.theory.groups(networks, one_sided).tolist() == [[0, 1, 2, 0]]


def test_numbers_of_neurons_do_not_matter():
    torch.manual_seed(1)
    x, y = torch.randn(12, 3), torch.arange(12) % 2
    task = pb.Task(x, y, x, y)
    networks = pb.shallow_networks(torch.randn(1, 30, 3), torch.zeros(1, 30), torch.randn(1, 2, 30))
    order = torch.randperm(30)
    before = pb.theory.groups(networks, task, 0.8)[0][order]
    after = pb.theory.groups(networks.keep(order[None]), task, 0.8)[0]
    assert torch.equal(before[:, None] == before[None], after[:, None] == after[None])


def test_counts_leave_inert_neurons_out(one_sided):
    networks = fan([0, 5, 30, 60], lengths=[1.0, 1.0, 1e-3, 0.02])
    labels = pb.theory.groups(networks, one_sided)
    assert labels.tolist() == [[0, 0, 1, 2]]
    every, relevant = pb.theory.group_counts(networks, labels)
    assert (every.tolist(), relevant.tolist()) == ([3], [2])


@pytest.mark.parametrize("threshold", [0.0, -0.5, 1.5, float("nan")])
def test_threshold_out_of_range(threshold, one_sided):
    with pytest.raises(pb.RequestError, match="cosine above 0"):
        pb.theory.groups(fan([0, 1]), one_sided, threshold)


def test_unknown_linkage(one_sided):
    with pytest.raises(Exception, match="linkage"):
        pb.theory.groups(fan([0, 1]), one_sided, 0.9, "ward")
