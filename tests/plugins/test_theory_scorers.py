"""Scorers that come from the paper's theory, and the controls."""

import dataclasses

import pytest
import torch
from scipy.stats import spearmanr

import prunebench as pb


def test_alignment_is_minus_the_angle(snapshot):
    angles = pb.theory.alignment_angle(snapshot.networks, snapshot.task)
    assert torch.equal(pb.load_scorer("alignment").score(snapshot), -angles)


def test_growth_is_the_rate_of_the_recipes_flow(snapshot):
    rate = pb.theory.growth_rate(snapshot.networks, snapshot.task, 0.1 / (1 - 0.9))
    torch.testing.assert_close(pb.load_scorer("growth").score(snapshot), rate)


@pytest.mark.parametrize("kind", ["effective", "incoming", "outgoing"])
def test_magnitude_is_the_norm_at_the_snapshot(kind, snapshot):
    scores = pb.load_scorer(f"magnitude[kind={kind}]").score(snapshot)
    assert torch.equal(scores, snapshot.networks.norms(kind))


def test_oracle_is_the_final_norm_and_needs_it(snapshot):
    oracle = pb.load_scorer("oracle")
    assert oracle.sees_end
    assert torch.equal(oracle.score(snapshot), snapshot.final.norms("effective"))
    with pytest.raises(pb.RequestError, match="final"):
        oracle.score(dataclasses.replace(snapshot, final=None))


def test_alignment_of_units_that_point_at_their_target_is_a_number():
    """Rounding makes some of the cosines more than 1."""
    x, lengths = torch.arange(1.0, 8.0)[None], torch.arange(1.0, 65.0)[None, :, None]
    x, y = torch.cat([x, -x]), torch.tensor([0, 1])
    w_out = torch.tensor([[[1.0], [0.0]]]).repeat(1, 1, 64)
    networks = pb.shallow_networks(lengths * x[0], torch.zeros(1, 64), w_out)
    snapshot = pb.Snapshot(pb.Task(x, y, x, y), pb.Recipe(width=64, batch_size=2), 0, networks, networks)
    scores = pb.load_scorer("alignment").score(snapshot)
    assert scores.tolist() == [pytest.approx([0] * 64, abs=1e-6)]


def test_cluster_alignment_ranks_within_the_orientation_groups(snapshot):
    scores = pb.load_scorer("cluster_alignment").score(snapshot)
    angles = pb.theory.alignment_angle(snapshot.networks, snapshot.task)
    c = pb.theory.orientation(snapshot.networks, snapshot.task)
    for s in range(3):
        for i in range(11):
            rivals = angles[s, c[s] == c[s, i]]
            worse = int((rivals > angles[s, i]).sum())
            equal = int((rivals == angles[s, i]).sum())
            rank = (worse + (equal + 1) / 2) / len(rivals)
            assert float(scores[s, i]) == pytest.approx(rank if c[s, i] else 0)  # 0: it gates nothing
        for sign in (-1, 1):
            assert float(scores[s, c[s] == sign].max()) == 1
    assert bool((c == 0).any())


@pytest.mark.parametrize("labels", [[0, 0, 1, 1], [1, 1, 0, 0]])
def test_small_cosine_groups_are_pooled_by_orientation(labels):
    """Three parallel neurons are a group; the two that are alone would each get the top rank for free."""
    x = torch.tensor([[1.0, 0.1], [2.0, -0.1], [-1.0, 0.2], [-2.0, 0.0]])
    y = torch.tensor(labels)  # all neurons are of one orientation, or all of the other
    w_in = torch.tensor([[[1.0, 0.3], [1.0, 0.31], [1.0, 0.32], [1.0, 1.2], [1.0, -2.5]]])
    networks = pb.shallow_networks(w_in, torch.zeros(1, 5), torch.ones(1, 2, 5))
    snapshot = pb.Snapshot(pb.Task(x, y, x, y), pb.Recipe(width=5, batch_size=2), 0, networks, networks)
    fine = pb.load_scorer("cluster_alignment[groups=cosine,minimum=1]").score(snapshot)[0]
    assert fine.tolist() == pytest.approx([1, 2 / 3, 1 / 3, 1, 1])
    pooled = pb.load_scorer("cluster_alignment[groups=cosine,minimum=3]").score(snapshot)[0]
    assert pooled.tolist() == pytest.approx([1, 2 / 3, 1 / 3, 1, 1 / 2])
    everything = pb.load_scorer("cluster_alignment[groups=cosine,minimum=4]").score(snapshot)
    assert torch.equal(everything, pb.load_scorer("cluster_alignment").score(snapshot))


def test_growing_mode_and_its_sign(snapshot):
    scorer = pb.load_scorer("growing_mode")
    amplitude, sign = pb.theory.growing_mode(snapshot.networks, snapshot.task)
    assert torch.equal(scorer.score(snapshot), amplitude)
    assert torch.equal(scorer.signs(snapshot), sign)


def test_growing_mode_within_signs(snapshot):
    scores = pb.load_scorer("growing_mode[within_signs=true]").score(snapshot)
    amplitude, sign = pb.theory.growing_mode(snapshot.networks, snapshot.task)
    for s in range(3):
        for group in (-1, 1):
            members = sign[s] == group
            assert float(scores[s, members].max()) == 1
            ranks = spearmanr(scores[s, members].numpy(), amplitude[s, members].numpy()).statistic
            assert ranks == pytest.approx(1)
        assert scores[s, sign[s] == 0].tolist() == [0]  # the one without weights is below all others
        assert float(scores[s, sign[s] != 0].min()) > 0


def test_random_is_of_its_seed_step_and_draw_alone(snapshot):
    first = pb.load_scorer("random").score(snapshot)
    assert not torch.equal(first[0], first[1])
    other_weights = dataclasses.replace(snapshot, networks=snapshot.networks.zeros_like())
    assert torch.equal(pb.load_scorer("random").score(other_weights), first)
    assert not torch.equal(pb.load_scorer("random[draw=1]").score(snapshot), first)
    assert not torch.equal(pb.load_scorer("random").score(dataclasses.replace(snapshot, step=9)), first)
    backwards = dataclasses.replace(snapshot, seeds=snapshot.seeds[::-1])
    assert torch.equal(pb.load_scorer("random").score(backwards), first.flip(0))
    scorer = pb.load_scorer("random")
    assert scorer.stochastic


def test_random_draws_are_uncorrelated_over_seeds_and_draws():
    networks = pb.initialise(pb.Recipe(width=400), 2, range(12))
    x, y = torch.rand(8, 2), torch.arange(8) % 2
    snapshot = pb.Snapshot(pb.Task(x, y, x, y), pb.Recipe(width=400), 0, networks, networks)
    rows = torch.cat([pb.load_scorer(f"random[draw={i}]").score(snapshot) for i in range(3)])
    correlation = torch.corrcoef(rows) - torch.eye(len(rows))
    assert float(correlation.abs().max()) < 0.25
    assert float(rows.mean()) == pytest.approx(0.5, abs=0.02)
