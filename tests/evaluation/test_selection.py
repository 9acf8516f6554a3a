import numpy as np
import pytest
import torch

import prunebench as pb
from prunebench.evaluation.fractions import check_fractions, kept_count
from prunebench.evaluation.selection import best_of_all, shuffled_within_layers, top_k


@pytest.mark.parametrize(
    ("width", "fraction", "k"), [(300, 0.5, 150), (300, 0.01, 3), (20, 0.01, 1), (1, 0.5, 1)]
)
def test_kept_count(width: int, fraction: float, k: int) -> None:
    assert kept_count(width, fraction) == k


@pytest.mark.parametrize("fraction", [0.0, -0.1, 1.5])
def test_absurd_share_is_an_error(fraction: float) -> None:
    with pytest.raises(pb.RequestError, match="fractions"):
        check_fractions([fraction])


def test_shares_that_are_written_alike_are_one() -> None:
    assert check_fractions((0.01, 0.5, 0.50000001, np.float32(0.2))) == (0.5, 0.2, 0.01)
    usual = [hundredth / 100 for hundredth in range(100, 0, -1)]
    assert list(check_fractions(usual)) == usual


def test_exactly_k_even_among_ties() -> None:
    kept = top_k(torch.tensor([[1.0, 2, 2, 2, 0], [5, 4, 3, 2, 1]]), 2)
    assert kept.tolist() == [[1, 2], [0, 1]]


def test_what_is_kept_is_in_order_and_the_scores_stay_as_they_are() -> None:
    scores = torch.tensor([[0.1, 0.9, 0.5, 0.7, 0.2]])
    before = scores.clone()
    assert top_k(scores, 3).tolist() == [[1, 2, 3]]
    assert best_of_all(scores, [1, 4], 0.5).tolist() == [[0, 1, 3]]
    assert torch.equal(scores, before)


def test_shuffled_scores_are_in_the_order_that_is_drawn() -> None:
    """Layer after layer: what stores hold can be computed again."""
    scores, draw = torch.rand(2, 10), np.random.default_rng(3)
    first, second = draw.permutation(4), draw.permutation(6)
    expected = torch.cat([scores[:, :4][:, first], scores[:, 4:][:, second]], dim=1)
    assert torch.equal(shuffled_within_layers(scores, [4, 6], np.random.default_rng(3)), expected)
