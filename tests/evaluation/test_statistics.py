import numpy as np
import pytest
from scipy import stats

from prunebench.evaluation.statistics import intervals, summarise


def test_interval_is_scipys_bca() -> None:
    values = np.random.default_rng(0).gamma(1.5, size=(1, 20))
    low, high = intervals(values)
    reference = stats.bootstrap(
        (values[0],), np.mean, n_resamples=20_000, method="BCa", random_state=np.random.default_rng(1)
    ).confidence_interval
    assert low[0] == pytest.approx(reference.low, abs=0.03)
    assert high[0] == pytest.approx(reference.high, abs=0.03)


def test_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    """500 simulated boards cells of 20 seeds: the true mean lies inside in 90 to 98 % of them."""
    values = np.random.default_rng(0).normal(0.4, 0.1, size=(500, 20))
    low, high = intervals(values)
    assert 0.90 <= float(((low <= 0.4) & (high >= 0.4)).mean()) <= 0.98


def test_too_few_seeds_have_no_interval_and_equal_values_one_of_width_zero() -> None:
    summary = summarise({("a",): np.array([0.5, 0.7])})["a",]
    assert (summary["mean"], summary["low"], summary["high"]) == (pytest.approx(0.6), None, None)
    summary = summarise({("a",): np.full(5, 0.5)})["a",]
    assert (summary["low"], summary["high"]) == (0.5, 0.5)


def test_undefined_numbers_are_none_never_nan() -> None:
    metrics = {("a",): np.array([0.1, np.nan, 0.2, 0.3, 0.25]), ("b",): np.full(5, np.nan)}
    summaries = summarise(metrics)
    assert list(summaries) == [("a",)]
    assert summaries["a",]["per_seed"][1] is None
    assert summaries["a",]["mean"] == pytest.approx(0.2125)


def test_same_values_same_interval() -> None:
    values = np.random.default_rng(0).normal(size=(3, 12))
    assert all(np.array_equal(a, b) for a, b in zip(intervals(values), intervals(values), strict=True))


@pytest.mark.parametrize(
    "values",
    [
        [0.1, 0.2, 0.3],
        [0.0, 0.0, 1.0],
        [0.0] * 19 + [1.0],
        [1.0] * 19 + [0.0],
        [0.0, 1.0] * 10,
        [0.9625] * 10 + [0.96] * 10,
        [1.0, 1.0 + 1e-10, 1.0],
        [0.0, -0.0, 0.0],
    ],
)
def test_intervals_of_few_and_tied_values_are_numbers_around_the_mean(values: list[float]) -> None:
    low, high = intervals(np.array([values]))
    assert min(values) <= low[0] <= np.mean(values) <= high[0] <= max(values)


def test_drawing_resamples_in_batches_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(0).normal(size=(3, 12))
    whole = intervals(values)
    monkeypatch.setattr("prunebench.evaluation.statistics.RESAMPLED_AT_ONCE", 1000)
    assert all(np.array_equal(a, b) for a, b in zip(whole, intervals(values), strict=True))
