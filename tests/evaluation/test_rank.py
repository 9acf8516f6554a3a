from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats

import prunebench as pb
from prunebench.evaluation.rank import rank, sign_agreement


def test_correlations_are_scipys_for_each_choice(networks: pb.Networks) -> None:
    """Also with ties, and where there are groups; a constant score has none."""
    scores = torch.randn(4, 16, generator=torch.Generator().manual_seed(0))
    scores[1], scores[3] = scores[1].round(), 1.0
    for s in range(3):
        network, norms = networks.select(s), networks.norms("effective")[s]
        metrics = rank(scores, network)
        sign = torch.sign(network.w_out[0, 0] - network.w_out[0, 1])
        for row, score in enumerate(scores[:3]):
            assert metrics["spearman",][row] == pytest.approx(stats.spearmanr(score, norms).statistic)
            assert metrics["kendall",][row] == pytest.approx(stats.kendalltau(score, norms).statistic)
            groups = [sign == group for group in sign.unique() if (sign == group).sum() >= 3]
            values = [stats.spearmanr(score[group], norms[group]).statistic for group in groups]
            expected = np.average(values, weights=[int(group.sum()) for group in groups])
            assert metrics["spearman_within_groups",][row] == pytest.approx(expected)
        assert all(np.isnan(metrics[path][3]) for path in (("spearman",), ("kendall",)))
        assert np.isnan(metrics["spearman_within_groups",][3])


def test_correlations_of_float32_are_of_float64(
    networks: pb.Networks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever SciPy makes of it, whose ranks are of the type that they are given from 1.18 on."""
    ranks, kendall = stats.rankdata, stats.kendalltau

    def as_given(found: Any, given: Any) -> Any:
        return np.asarray(found).astype(np.asarray(given).dtype)

    monkeypatch.setattr(stats, "rankdata", lambda x, axis: as_given(ranks(x, axis=axis), x))
    monkeypatch.setattr(
        stats, "kendalltau", lambda x, y: SimpleNamespace(statistic=as_given(kendall(x, y).statistic, x))
    )
    score = torch.randn(16, generator=torch.Generator().manual_seed(0))
    network, norms = networks.select(0), networks.norms("effective")[0]
    metrics = rank(score[None], network)
    for name, own in (("spearman", stats.spearmanr), ("kendall", kendall)):
        assert metrics[name,].dtype == np.float64
        expected = own(score.double(), norms.double()).statistic
        assert metrics[name,][0] == pytest.approx(expected, rel=1e-14)


def test_perfect_and_reversed_scores(networks: pb.Networks) -> None:
    for s in range(3):
        network = networks.select(s)
        norms = network.norms("effective")
        metrics = rank(torch.cat([norms, -norms]), network)
        assert np.allclose(metrics["spearman",], [1, -1])
        assert np.allclose(metrics["spearman_within_groups",], [1, -1])
        assert metrics["top_k_overlap", "0.1"][0] == 1
        assert metrics["top_k_overlap", "0.5"].tolist() == [1, 0]


def test_an_overlap_is_a_share_in_double_precision() -> None:
    w_out = torch.zeros(1, 2, 6)
    w_out[0, 0] = torch.arange(6) + 1.0
    nets = pb.shallow_networks(torch.ones(1, 6, 3), torch.zeros(1, 6), w_out)
    assert rank(torch.tensor([[5.0, 4, 1, 2, 3, 6]]), nets)["top_k_overlap", "0.5"][0] == 1 / 3


def test_groups_are_ranked_apart() -> None:
    """A score that is perfect inside each output-sign group, and wrong between them."""
    w_out = torch.zeros(1, 2, 8)
    w_out[0, 0, :4], w_out[0, 1, 4:] = torch.tensor([1.0, 2, 3, 4]), torch.tensor([10.0, 20, 30, 40])
    nets = pb.shallow_networks(torch.ones(1, 8, 3), torch.zeros(1, 8), w_out)
    metrics = rank(torch.tensor([[11.0, 12, 13, 14, 1, 2, 3, 4]]), nets)
    assert metrics["spearman_within_groups",][0] == pytest.approx(1)
    assert metrics["spearman",][0] < 0


def test_two_neurons_are_no_group() -> None:
    """They are in order, or not, by a coin."""
    w_out = torch.zeros(1, 2, 5)
    w_out[0, 0, :2], w_out[0, 1, 2:] = torch.tensor([1.0, 2]), torch.tensor([1.0, 2, 3])
    nets = pb.shallow_networks(torch.ones(1, 5, 3), torch.zeros(1, 5), w_out)
    assert rank(torch.tensor([[2.0, 1, 1, 2, 3]]), nets)["spearman_within_groups",][0] == 1


def test_neurons_without_an_output_sign_are_in_no_group() -> None:
    """Their outgoing weights are equal, so they speak for neither class."""
    w_out = torch.zeros(1, 2, 9)
    w_out[0, 0, :3], w_out[0, 1, 3:6] = torch.tensor([1.0, 2, 3]), torch.tensor([4.0, 5, 6])
    w_out[0, :, 6:] = torch.tensor([7.0, 8, 9])
    nets = pb.shallow_networks(torch.ones(1, 9, 3), torch.zeros(1, 9), w_out)
    assert rank(torch.tensor([[1.0, 2, 3, 4, 5, 6, 9, 8, 7]]), nets)["spearman_within_groups",][0] == 1
    nets.w_out[:, 1] = nets.w_out[:, 0]
    assert np.isnan(rank(torch.rand(1, 9), nets)["spearman_within_groups",][0])


def test_dead_neurons_tie(networks: pb.Networks) -> None:
    """Two neurons of norm 0 are one tie: swapping their scores changes nothing."""
    networks.w_out[:, :, 4] = 0
    scores = torch.arange(16.0).repeat(2, 1)
    scores[1, [3, 4]] = scores[0, [4, 3]]
    for path in (("spearman",), ("kendall",)):
        one, swapped = rank(scores, networks.select(0))[path]
        assert one == pytest.approx(swapped)


def test_signs_are_compared_with_the_final_output_sign(networks: pb.Networks) -> None:
    """The dead neuron has no sign, and a prediction for it is half right."""
    network = networks.select(0)
    sign = torch.sign(network.w_out[:, 0] - network.w_out[:, 1])
    other = sign.clone()
    other[0, 3], other[0, 0], other[0, 1] = 1, -sign[0, 0], 0
    agreement = sign_agreement(torch.cat([sign, -sign, other]), network)["sign_agreement",]
    assert agreement == pytest.approx([1, 1 / 16, 1 - (0.5 + 1 + 0.5) / 16])
    assert sign_agreement(0.3 * other, network)["sign_agreement",] == agreement[2]


def test_of_three_classes_there_are_no_signs() -> None:
    nets = pb.shallow_networks(torch.ones(1, 8, 3), torch.zeros(1, 8), torch.rand(1, 3, 8))
    overlaps = {("top_k_overlap", share) for share in ("0.1", "0.2", "0.5")}
    assert {*rank(torch.rand(1, 8), nets)} == {("spearman",), ("kendall",)} | overlaps
    assert sign_agreement(torch.ones(1, 8), nets) == {}


def test_one_neuron_has_no_rank() -> None:
    nets = pb.shallow_networks(torch.ones(1, 1, 3), torch.zeros(1, 1), torch.ones(1, 2, 1))
    assert np.isnan(rank(torch.ones(2, 1), nets)["spearman",]).all()
