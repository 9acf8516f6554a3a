import itertools

import numpy as np
import pytest
from scipy import stats

from prunebench.evaluation.comparison import beats, holm, rank_intervals, seeds_needed, signed_ranks
from prunebench.evaluation.statistics import summary_of


def signed_rank(a: np.ndarray, b: np.ndarray) -> float:
    return float(signed_ranks((a - b)[None])[0][0])


def enumerated(differences: np.ndarray) -> float:
    """The test's definition: all sign flips of the ranks, counted."""
    differences = differences[differences != 0]
    ranks = stats.rankdata(np.abs(differences))
    observed = abs((np.sign(differences) * ranks).sum())
    flips = np.array(list(itertools.product((-1, 1), repeat=len(ranks))))
    return float((np.abs(flips @ ranks) >= observed - 1e-9).mean())


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("decimals", [9, 1])
def test_signed_rank_counts_all_sign_flips(seed: int, decimals: int) -> None:
    """With one decimal there are ties and zeros, as in accuracies; as floats few of the ties are equal."""
    draw = np.random.default_rng(seed)
    a, b = draw.normal(0.3, 0.5, size=(2, 9)).round(decimals)
    assert signed_rank(a, b) == pytest.approx(enumerated((a - b).round(9)))


def test_signed_rank_is_scipys_where_scipy_is_exact() -> None:
    a, b = np.random.default_rng(0).normal(0.2, 0.5, size=(2, 20))
    assert signed_rank(a, b) == pytest.approx(stats.wilcoxon(a, b, method="exact").pvalue)


def test_equal_values_do_not_differ() -> None:
    assert signed_rank(np.ones(5), np.ones(5)) == 1


def test_holm() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9]) == [0.9]


@pytest.mark.parametrize(("tests", "seeds"), [(1, 6), (9, 9), (45, 11)])
def test_floor_below_which_nothing_can_be_significant(tests: int, seeds: int) -> None:
    assert seeds_needed(tests) == seeds
    best_p = signed_rank(np.arange(1.0, seeds + 1), np.zeros(seeds))
    assert holm([best_p] + [1.0] * (tests - 1))[0] <= 0.05
    too_few = signed_rank(np.arange(1.0, seeds), np.zeros(seeds - 1))
    assert holm([too_few] + [1.0] * (tests - 1))[0] > 0.05


def test_standings_tie_what_does_not_differ() -> None:
    draw = np.random.default_rng(0)
    base = draw.normal(size=20)
    values = {"good": base + 2, "also good": base + 2 + draw.normal(0, 0.5, 20), "bad": base - 1}
    ranks = rank_intervals(values)
    assert str(ranks["good"]) == str(ranks["also good"]) == "1-2"
    assert str(ranks["bad"]) == "3"
    assert str(rank_intervals({"alone": base})["alone"]) == "1"


def test_one_pair_and_the_direction_of_the_test() -> None:
    """An outlier turns the mean, not the test."""
    a = np.array([1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, -30.0])
    found = summary_of(tuple(a), skewed=False)
    assert found is not None
    assert found.low < found.mean < min(found.high, 0)  # type: ignore[operator,type-var]
    (p,), (leads,) = signed_ranks(a[None])
    assert leads == 1
    assert p == pytest.approx(stats.wilcoxon(a, method="exact").pvalue)
    assert signed_ranks(np.zeros((1, 2)))[1] == 0
    of_two = summary_of((1.0, 1.0), skewed=False)
    assert of_two is not None
    assert of_two.low is None


def test_the_better_of_two_has_the_higher_ranks_whatever_one_network_does_to_the_mean() -> None:
    values = np.linspace(0.1, 0.2, 20)
    worse = values.copy()
    values[0] = -5
    assert values.mean() < worse.mean()
    assert beats({"a": values + 0.1, "b": worse}) == {("a", "b")}
