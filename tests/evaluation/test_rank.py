import numpy as np
import pytest
import torch
from scipy import stats

import prunebench as pb
from prunebench.evaluation.rank import rank


def test_correlations_are_scipys_for_each_network(networks: pb.Networks) -> None:
    scores = torch.randn(3, 16, generator=torch.Generator().manual_seed(0))
    metrics = rank(scores, networks)
    norms = networks.norms("effective")
    for s in range(3):
        assert metrics["spearman",][s] == pytest.approx(stats.spearmanr(scores[s], norms[s]).statistic)
        assert metrics["kendall",][s] == pytest.approx(stats.kendalltau(scores[s], norms[s]).statistic)


def test_perfect_and_reversed_scores(networks: pb.Networks) -> None:
    norms = networks.norms("effective")
    best, worst = rank(norms, networks), rank(-norms, networks)
    assert np.allclose(best["spearman",], 1)
    assert np.allclose(best["spearman_within_groups",], 1)
    assert np.allclose(best["top_k_overlap", "0.1"], 1)
    assert np.allclose(worst["spearman",], -1)
    assert np.allclose(worst["top_k_overlap", "0.5"], 0)


def test_groups_are_ranked_apart() -> None:
    """A score that is perfect inside each output-sign group, and wrong between them."""
    w_out = torch.zeros(1, 2, 8)
    w_out[0, 0, :4], w_out[0, 1, 4:] = torch.tensor([1.0, 2, 3, 4]), torch.tensor([10.0, 20, 30, 40])
    nets = pb.Networks(torch.ones(1, 8, 3), torch.zeros(1, 8), w_out)
    metrics = rank(torch.tensor([[11.0, 12, 13, 14, 1, 2, 3, 4]]), nets)
    assert metrics["spearman_within_groups",][0] == pytest.approx(1)
    assert metrics["spearman",][0] < 0


def test_dead_neurons_tie(networks: pb.Networks) -> None:
    """Two neurons of norm 0 are one tie: swapping their scores changes nothing."""
    networks.w_out[:, :, 4] = 0
    scores = torch.arange(16.0).repeat(3, 1)
    swapped = scores.clone()
    swapped[:, [3, 4]] = scores[:, [4, 3]]
    for path in (("spearman",), ("kendall",)):
        assert np.allclose(rank(scores, networks)[path], rank(swapped, networks)[path])


def test_signs_are_compared_with_the_final_output_sign(networks: pb.Networks) -> None:
    sign = torch.sign(networks.w_out[:, 0] - networks.w_out[:, 1])
    scores = torch.rand(3, 16, generator=torch.Generator().manual_seed(1))
    assert np.allclose(rank(scores, networks, sign)["sign_agreement",], 1)
    assert "sign_agreement" not in {path[0] for path in rank(scores, networks)}


def test_one_neuron_has_no_rank() -> None:
    nets = pb.Networks(torch.ones(2, 1, 3), torch.zeros(2, 1), torch.ones(2, 2, 1))
    assert np.isnan(rank(torch.ones(2, 1), nets)["spearman",]).all()
