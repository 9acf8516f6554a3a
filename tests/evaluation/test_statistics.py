import numpy as np
import pytest
from msgspec import UNSET
from scipy import stats

from prunebench.evaluation.statistics import band, intervals, median_intervals, summarise
from prunebench.evaluation.summary import Band


def literal(values: np.ndarray) -> tuple[float, float]:
    """The outer ends of Student's t and of the studentised bootstrap, on resamples of its own."""
    n, mean, error = len(values), np.mean(values), stats.sem(values)
    drawn = np.random.default_rng(1).choice(values, (20_000, n))
    drawn = drawn[np.ptp(drawn, axis=1) > 0]
    t = (drawn.mean(axis=1) - mean) / stats.sem(drawn, axis=1)
    student = stats.t.interval(0.95, n - 1, mean, error)
    return (
        min(student[0], mean - np.quantile(t, 0.975) * error),
        max(student[1], mean - np.quantile(t, 0.025) * error),
    )


@pytest.mark.parametrize("seeds", [5, 20])
def test_the_interval_of_the_mean_is_the_outer_of_two(seeds: int) -> None:
    values = np.random.default_rng(0).gamma(1.5, size=(2, seeds)).round(1)
    for row, low, high in zip(values, *intervals(values), strict=True):
        expected, width = literal(row), high - low
        assert (low, high) == pytest.approx(expected, abs=0.04 * width)
    assert (values.mean(axis=1) - intervals(values)[0] < intervals(values)[1] - values.mean(axis=1)).all()


def test_neither_end_is_farther_than_three_times_students() -> None:
    """Some resamples of four values that are nearly equal and one that is not are nearly constant."""
    values = np.array([[0.5, 0.501, 0.502, 0.503, 0.1], [0.5, 0.6, 0.7, 0.8, 0.9]])
    (skewed, even), mean = np.transpose(intervals(values)), values.mean(axis=1)
    error = stats.sem(values, axis=1) * stats.t.ppf(0.975, 4)
    assert literal(values[0])[0] < mean[0] - 10 * error[0]
    assert skewed == pytest.approx([mean[0] - 3 * error[0], mean[0] + error[0]])
    assert even[1] - even[0] < 6 * error[1]


def test_below_five_seeds_it_is_students() -> None:
    values = np.array([[0.1, 0.2, 0.21, 0.5]])
    low, high = intervals(values)
    assert (low[0], high[0]) == pytest.approx(stats.t.interval(0.95, 3, values.mean(), stats.sem(values[0])))


@pytest.mark.parametrize(("seeds", "first", "last"), [(6, 1, 6), (9, 2, 8), (20, 6, 15), (40, 14, 27)])
def test_the_interval_of_the_median_are_two_ordered_values(seeds: int, first: int, last: int) -> None:
    """The tightest pair that holds the median in at least 95 % of draws, as scipy's sign test counts them."""
    values = np.random.default_rng(0).permutation(seeds)[None] + 1.0
    assert [float(end[0]) for end in median_intervals(values)] == [first, last]
    assert stats.binom.cdf(first - 1, seeds, 0.5) * 2 <= 0.05 < stats.binom.cdf(first, seeds, 0.5) * 2


def test_five_seeds_have_no_interval_of_the_median() -> None:
    assert all(np.isnan(end).all() for end in median_intervals(np.ones((2, 5))))


def test_accuracies_have_the_medians_interval_and_none_of_the_mean() -> None:
    """A rare collapse moves the mean far outside any interval of the 19 networks that did not collapse."""
    values = np.append(np.linspace(0.95, 0.97, 19), 0.5)
    for name in ("accuracy", "train_accuracy"):
        found = summarise({(name, "merge", "0.1"): values})[name, "merge", "0.1"]
        assert (found.mean, found.low, found.high) == (pytest.approx(values.mean()), None, None)
        ordered = np.sort(values)
        assert (found.median_low, found.median_high) == (ordered[5], ordered[14])
        assert found.median == pytest.approx(np.median(values))
    assert summarise({("spearman",): values})["spearman",].median is UNSET


@pytest.mark.parametrize(
    ("path", "values", "low", "high"),
    [
        (("spearman",), [0.99, 0.999, 0.6], -1, 1),
        (("top_k_overlap", "0.1"), [0.0, 0.1, 0.9], 0, 1),
        (("train_loss",), [0.0, 0.1, 2.9], 0, None),
        (("spread", "conv1"), [1.1, 1.2, 2.95], 1, None),
    ],
)
def test_no_interval_reaches_beyond_what_the_metric_can_be(
    path: tuple[str, ...], values: list[float], low: float, high: float | None
) -> None:
    found = summarise({path: np.array(values)})[path]
    assert found.low is not None
    assert found.high is not None
    assert found.low >= low
    assert found.high == high if high is not None else found.high > 2.9
    assert found.low == low or path == ("spearman",)


def test_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    """500 simulated cells of boards, of 20 seeds each: the true mean lies inside in 90 to 98 % of them."""
    values = np.random.default_rng(0).normal(0.4, 0.1, size=(500, 20))
    low, high = intervals(values)
    assert 0.90 <= float(((low <= 0.4) & (high >= 0.4)).mean()) <= 0.98


def test_too_few_seeds_have_no_interval_and_equal_values_one_of_width_zero() -> None:
    summary = summarise({("a",): np.array([0.5, 0.7])})["a",]
    assert (summary.mean, summary.low, summary.high) == (pytest.approx(0.6), None, None)
    summary = summarise({("a",): np.full(5, 0.5)})["a",]
    assert (summary.low, summary.high) == (0.5, 0.5)


def test_undefined_numbers_are_none_never_nan() -> None:
    metrics = {("a",): np.array([0.1, np.nan, 0.2, 0.3, 0.25]), ("b",): np.full(5, np.nan)}
    summaries = summarise(metrics)
    assert list(summaries) == [("a",)]
    assert summaries["a",].per_seed[1] is None
    assert summaries["a",].mean == pytest.approx(0.2125)


def test_each_metric_is_summarised_over_the_networks_that_define_it() -> None:
    one, other = np.array([0.1, np.nan, 0.2, 0.3]), np.array([0.1, 0.4, 0.2, np.nan])
    together = summarise({("a",): one, ("b",): other})
    assert together == summarise({("a",): one}) | summarise({("b",): other})
    assert together["b",].mean == pytest.approx(0.7 / 3)


def test_a_band_is_of_the_means_of_single_draws() -> None:
    draws = np.array([[0.1, 0.3, 0.5], [0.2, 0.4, 0.3]])
    assert band(draws) == Band(pytest.approx(0.3), pytest.approx(0.3))
    draws[1, 0] = 0.5
    assert band(draws) == Band(pytest.approx(0.3), pytest.approx(0.4))
    draws[1, 0] = np.nan
    assert band(draws) is None


@pytest.mark.parametrize("values", [[0.0] * 19 + [1.0], [1.0] * 4 + [0.0], [0.0] * 6])
def test_intervals_move_with_the_values(values: list[float]) -> None:
    """Resamples of one value vary by rounding alone, unless that is 0 or 1: their t would be anything."""
    (low,), (high,) = intervals(np.array([values]))
    moved = intervals(np.array([values]) + 0.1)
    assert [float(end[0]) for end in moved] == pytest.approx([low + 0.1, high + 0.1])


def test_values_that_differ_by_rounding_alone_do_not_vary() -> None:
    low, high = intervals(np.array([[0.3, 0.1 + 0.2, 0.3, 0.3, 0.3]]))
    assert low == high


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
    assert np.isfinite([low, high]).all()
    assert low[0] <= np.mean(values) <= high[0]


def test_drawing_resamples_in_batches_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(0).normal(size=(3, 12))
    whole = intervals(values)
    monkeypatch.setattr("prunebench.evaluation.statistics.RESAMPLED_AT_ONCE", 1000)
    assert all(np.array_equal(a, b) for a, b in zip(whole, intervals(values), strict=True))
