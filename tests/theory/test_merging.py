"""Merging and folding: exact where theory says so, and exactly k neurons."""

import numpy as np
import pytest
import torch

import prunebench as pb


def random_networks(seeds=2, width=8, inputs=6, seed=0):
    draw = np.random.default_rng(seed)
    shapes = ((seeds, width, inputs), (seeds, width), (seeds, 2, width))
    return pb.shallow_networks(*(torch.from_numpy(draw.standard_normal(s)).float() for s in shapes))


@pytest.fixture
def task():
    draw = np.random.default_rng(1)
    x, y = draw.standard_normal((40, 6)), np.arange(40) % 2
    return pb.Task(x, y, x[:10], y[:10])


def duplicated(networks, factors):
    """Each neuron and copies of it, `(w, b)` scaled by each factor and `v` drawn anew."""
    draw = np.random.default_rng(2)
    copies = [
        pb.shallow_networks(
            networks.w_in * f,
            networks.bias * f,
            torch.from_numpy(draw.standard_normal(networks.w_out.shape)).float(),
        )
        for f in factors
    ]
    return pb.shallow_networks(
        torch.cat([networks.w_in, *(c.w_in for c in copies)], dim=1),
        torch.cat([networks.bias, *(c.bias for c in copies)], dim=1),
        torch.cat([networks.w_out, *(c.w_out for c in copies)], dim=2),
    )


def test_merging_duplicates_leaves_the_logits(task):
    networks = duplicated(random_networks(), (0.25, 3.0, 1.0))
    labels = pb.theory.groups(networks, task)
    assert [len(row.unique()) for row in labels] == [8, 8]
    merged = pb.theory.merge(networks, labels)
    assert merged.units == 8
    difference = (merged.logits(task.x_train) - networks.logits(task.x_train)).abs().max()
    assert float(difference) < 1e-5 * float(networks.logits(task.x_train).abs().max())
    assert float(difference) < 1e-5


def test_merge_against_the_formula():
    networks = random_networks()
    labels = torch.tensor([[0, 1, 0, 2, 1, 0, 3, 3], [0, 0, 0, 0, 1, 1, 2, 3]])
    merged = pb.theory.merge(networks, labels)
    for s, g in ((0, 0), (0, 1), (0, 3), (1, 0), (1, 1)):
        w, b, v, total = np.zeros(6), 0.0, np.zeros(2), 0.0
        for j in np.flatnonzero(labels[s].numpy() == g):
            w_j, v_j = networks.w_in[s, j].double().numpy(), networks.w_out[s, :, j].double().numpy()
            norm = float(np.linalg.norm(w_j))
            effective = norm * float(np.linalg.norm(v_j))
            w += effective * w_j / norm
            b += effective * float(networks.bias[s, j]) / norm
            v += norm * v_j
            total += effective
        np.testing.assert_allclose(merged.w_in[s, g].numpy(), w / total, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(float(merged.bias[s, g]), b / total, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(merged.w_out[s, :, g].numpy(), v, rtol=1e-5, atol=1e-6)


def test_merging_is_exact_where_gates_agree_and_outgoing_weights_are_parallel():
    """Why the mean direction is not normalised: the neurons may be far from parallel."""
    draw = np.random.default_rng(5)
    x = torch.from_numpy(np.abs(draw.standard_normal((30, 6)))).float()
    w_in = torch.from_numpy(np.abs(draw.standard_normal((1, 5, 6)))).float()
    bias = torch.from_numpy(np.abs(draw.standard_normal((1, 5)))).float()
    w_out = torch.tensor([[1.0, -0.5]]).mT[None] * torch.tensor([[0.3, 2.0, 1.0, 0.1, 0.7]])
    networks = pb.shallow_networks(w_in, bias, w_out)
    merged = pb.theory.merge(networks, torch.zeros(1, 5, dtype=torch.int64))
    torch.testing.assert_close(merged.logits(x), networks.logits(x), rtol=1e-5, atol=1e-5)


def test_a_neuron_alone_keeps_its_bits():
    networks = random_networks()
    labels = torch.tensor([[0, 1, 2, 2, 3, 4, 5, 6], list(range(8))])
    merged = pb.theory.merge(networks, labels)
    alone = [0, 1, 4, 5, 6, 7]
    assert torch.equal(merged.w_in[0, [0, 1, 3, 4, 5, 6]], networks.w_in[0, alone])
    assert torch.equal(merged.bias[0, [0, 1, 3, 4, 5, 6]], networks.bias[0, alone])
    assert torch.equal(merged.w_out[0][:, [0, 1, 3, 4, 5, 6]], networks.w_out[0][:, alone])
    for got, expected in zip(
        merged.select(1).tensors.values(), networks.select(1).tensors.values(), strict=True
    ):
        assert torch.equal(got, expected)


def test_networks_with_fewer_groups_end_in_empty_neurons(task):
    networks = random_networks()
    merged = pb.theory.merge(networks, torch.stack([torch.zeros(8, dtype=torch.int64), torch.arange(8)]))
    assert merged.units == 8
    assert not any(t.any() for t in (merged.w_in[0, 1:], merged.bias[0, 1:], merged.w_out[0, :, 1:]))
    assert torch.equal(merged.select(1).logits(task.x_test), networks.select(1).logits(task.x_test))


def test_a_group_without_outgoing_weights_stays_finite():
    networks = random_networks()
    networks.w_out[:, :, :3] = 0.0
    merged = pb.theory.merge(networks, torch.tensor([[0, 0, 0, 1, 2, 3, 4, 5]] * 2))
    assert all(torch.isfinite(t).all() for t in merged.tensors.values())
    assert not merged.w_out[:, :, 0].any()


@pytest.mark.parametrize("labels", [[-1] * 8, [-2] + [0] * 7, [0] * 5])
def test_labels_that_make_no_sense(labels):
    with pytest.raises(Exception, match="label"):
        pb.theory.merge(random_networks(seeds=1), torch.tensor([labels]))


def test_a_neuron_without_direction_cannot_be_in_a_group():
    networks = random_networks()
    networks.w_in[:, 0] = 0.0
    with pytest.raises(pb.RequestError, match="w = 0"):
        pb.theory.merge(networks, torch.zeros(2, 8, dtype=torch.int64))


def test_folding_with_all_kept_changes_nothing(task):
    networks = random_networks()
    everything = torch.arange(8).expand(2, -1)
    for got, expected in zip(
        pb.theory.fold(networks, task, everything).tensors.values(), networks.tensors.values(), strict=True
    ):
        assert torch.equal(got, expected)


@pytest.mark.parametrize("k", [1, 3, 8])
def test_folding_leaves_exactly_k(k, task):
    networks = duplicated(random_networks(), (2.0,))
    keep = torch.stack([torch.randperm(16)[:k] for _ in range(2)])
    assert pb.theory.fold(networks, task, keep).units == k


def test_folding_duplicates_leaves_the_logits(task):
    networks = duplicated(random_networks(), (0.25, 3.0))
    kept = torch.arange(8, 16).expand(2, -1)
    folded = pb.theory.fold(networks, task, kept)
    torch.testing.assert_close(folded.logits(task.x_test), networks.logits(task.x_test), rtol=1e-5, atol=1e-5)
    pruned = networks.keep(kept).logits(task.x_test)
    assert float((pruned - networks.logits(task.x_test)).abs().max()) > 0.1


def test_fold_picks_the_most_parallel_of_equal_orientation_or_drops(task):
    """Against a loop over pairs, at a threshold that some reach and some do not."""
    networks = random_networks(width=20)
    keep = torch.tensor([[0, 4, 9, 11, 13, 19], [2, 3, 5, 7, 17, 18]])
    c = pb.theory.orientation(networks, task)
    labels = torch.full((2, 20), -1)
    for s in range(2):
        kept = keep[s].tolist()
        for j in range(20):
            values = {}
            for position, i in enumerate(kept):
                a, b = networks.w_in[s, i].double(), networks.w_in[s, j].double()
                if c[s, i] == c[s, j]:
                    values[position] = float(a @ b / a.norm() / b.norm())
            best = max(values, key=values.__getitem__, default=None)
            if j in kept:
                labels[s, j] = kept.index(j)
            elif best is not None and values[best] >= 0.5:
                labels[s, j] = best
    counts = [int((row == -1).sum()) for row in labels]
    assert all(0 < count < 14 for count in counts)
    expected = pb.theory.merge(networks, labels)
    for got, want in zip(
        pb.theory.fold(networks, task, keep, 0.5).tensors.values(), expected.tensors.values(), strict=True
    ):
        assert torch.equal(got, want)


def test_nothing_is_folded_into_the_other_orientation(task):
    networks = random_networks(seeds=1)
    c = pb.theory.orientation(networks, task)[0]
    plus = torch.where(c > 0)[0]
    kept = torch.where(c < 0)[0][None]
    assert len(plus) > 0
    folded = pb.theory.fold(networks, task, kept, 1e-6)
    without = pb.theory.fold(
        pb.shallow_networks(networks.w_in, networks.bias, networks.w_out.index_fill(2, plus, 7.0)),
        task,
        kept,
        1e-6,
    )
    assert all(
        torch.equal(a, b) for a, b in zip(folded.tensors.values(), without.tensors.values(), strict=True)
    )


def test_neurons_without_weights_are_dropped_and_kept_without_noise(task):
    networks = random_networks()
    networks.w_in[:, :2] = 0.0
    folded = pb.theory.fold(networks, task, torch.tensor([[0, 3], [1, 4]]))
    assert all(torch.isfinite(t).all() for t in folded.tensors.values())
    assert torch.equal(folded.w_out[0, :, 0], networks.w_out[0, :, 0])


@pytest.mark.parametrize("keep", [[[0, 0]] * 2, [[0, 8]] * 2])
def test_kept_neurons_must_be_distinct_and_exist(keep, task):
    with pytest.raises(pb.RequestError, match="keep indices"):
        pb.theory.fold(random_networks(), task, torch.tensor(keep))
