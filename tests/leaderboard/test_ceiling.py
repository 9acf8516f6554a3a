"""Noise ceilings and shares of them, on simulated networks whose truth and noise are known."""

import csv
import io

import numpy as np
import pytest
from jaxtyping import Float
from made_up_boards import board, layered, row
from msgspec import UNSET
from msgspec.structs import replace
from rich.console import Console

from prunebench.evaluation.rank import spearman
from prunebench.evaluation.statistics import paired_difference, summarise
from prunebench.evaluation.summary import Summary
from prunebench.leaderboard.across import across
from prunebench.leaderboard.board import Board
from prunebench.leaderboard.ceiling import by_when, ceiling_of, ceilings, decided_by, share_of_ceiling
from prunebench.leaderboard.charts.points import ceiling_points
from prunebench.leaderboard.columns import SPEARMAN
from prunebench.leaderboard.metric_names import columns_called
from prunebench.leaderboard.overview import best_of
from prunebench.leaderboard.pairs import compare_boards, compare_scorers
from prunebench.leaderboard.terminal import render
from prunebench.leaderboard.text import markdown, to_csv
from prunebench.results import Row

Values = Float[np.ndarray, "networks units"]


def simulated(
    draw: np.random.Generator, networks: int, units: int, noise: float, knows: float
) -> tuple[Values, Values, Values, Values]:
    """What is decided at the snapshot, the end of two trainings from there, and a score that knows a part."""
    decided = draw.standard_normal((networks, units))
    ends = (decided + noise * draw.standard_normal(decided.shape) for _ in range(2))
    score = knows * decided + np.sqrt(1 - knows**2) * draw.standard_normal(decided.shape)
    return decided, *ends, score


def summary(scores: Values, truth: Values) -> Summary:
    return summarise({("spearman",): spearman(scores, truth)})["spearman",]


def expected(correlation: float, units: int) -> float:
    """Mean of Spearman's coefficient of so many pairs of normal values (Moran 1948)."""
    return 6 / np.pi / (units + 1) * (np.arcsin(correlation) + (units - 2) * np.arcsin(correlation / 2))


@pytest.mark.parametrize("noise", [0.3, 0.7, 1.2])
def test_the_root_of_the_reliability_is_what_who_knows_all_would_reach(noise: float) -> None:
    """Within 1.5 % of it: of ranks that is an approximation."""
    decided, own, twin, _ = simulated(np.random.default_rng(0), 3000, 300, noise, knows=1)
    ceiling = np.sqrt(spearman(twin, own).mean())
    assert ceiling == pytest.approx(spearman(decided, own).mean(), rel=0.015)


def test_of_layers_that_differ_who_knows_all_reaches_the_mean_of_their_ceilings() -> None:
    """The root of their mean reliability, which nobody reaches, is 7 % above it."""
    draw, weights = np.random.default_rng(4), (200, 100)
    scores, twins = [], []
    for units, noise in zip(weights, (0.3, 3.0), strict=True):
        decided, own, twin, _ = simulated(draw, 200, units, noise, knows=1)
        scores.append(spearman(decided, own))
        twins.append(spearman(twin, own))
    score, reliability, *layers = (
        summarise({("x",): values})["x",]
        for values in (np.average(scores, 0, weights), np.average(twins, 0, weights), *twins)
    )
    ceiling = ceiling_of(reliability, list(zip(weights, layers, strict=True)))
    assert np.sqrt(reliability.mean) > 1.07 * ceiling.value
    assert ceiling.low is not None
    assert ceiling.high is not None
    assert ceiling.low < score.mean < ceiling.high
    share = share_of_ceiling(score, ceiling)
    assert share is not None
    assert share.mean == pytest.approx(1, abs=0.02)
    assert share_of_ceiling(score, ceiling_of(reliability)) is not None


def test_what_follows_from_draws_is_tested_by_the_first() -> None:
    """As the correlation itself is: a mean of draws is less spread out than one of them."""
    draw = np.random.default_rng(5)
    level, first, mean = draw.normal(0.6, 0.05, 10), draw.normal(0.3, 0.1, 10), draw.normal(0.3, 0.03, 10)
    several = replace(summarise({("x",): mean})["x",], first_draw=first.tolist())
    of_first, twin = summarise({("x",): first})["x",], summarise({("x",): level})["x",]
    share, alone = (share_of_ceiling(score, ceiling_of(twin)) for score in (several, of_first))
    assert share is not None
    assert alone is not None
    assert share.tested == alone.per_seed != share.per_seed
    assert replace(share, first_draw=UNSET) == share_of_ceiling(
        replace(several, first_draw=UNSET), ceiling_of(twin)
    )
    learnt = paired_difference(several, twin)
    assert learnt is not None
    assert learnt.tested == pytest.approx((first - level).tolist())


@pytest.mark.parametrize("knows", [0.0, 0.6, 1.0])
@pytest.mark.parametrize("noise", [0.3, 1.2])
def test_the_share_is_recovered_and_its_interval_is_calibrated(knows: float, noise: float) -> None:
    """Whatever noise hides it; of chance it is 0 under any ceiling."""
    networks, units, times = 20, 80, 150
    loading = 1 / np.sqrt(1 + noise**2)
    truth = expected(knows * loading, units) / np.sqrt(expected(loading**2, units))
    assert truth == pytest.approx(expected(knows, units), abs=0.015)  # the correlation with what is decided
    draw, held, shares = np.random.default_rng(1), 0, []
    for _ in range(times):
        _, own, twin, score = simulated(draw, networks, units, noise, knows)
        share = share_of_ceiling(summary(score, own), ceiling_of(summary(twin, own)))
        assert share is not None
        assert share.low is not None
        assert share.high is not None
        held += share.low <= truth <= share.high
        shares.append(share.mean)
    assert np.mean(shares) == pytest.approx(truth, abs=4 * np.std(shares) / np.sqrt(times))
    assert held >= 0.95 * times - 3 * np.sqrt(0.05 * 0.95 * times)


def test_where_nothing_is_decided_there_is_no_share() -> None:
    _, own, twin, score = simulated(np.random.default_rng(2), 20, 80, noise=100.0, knows=0.5)
    assert share_of_ceiling(summary(score, own), ceiling_of(summary(twin, own))) is None


@pytest.mark.parametrize("seeds", [1, 2])
def test_of_too_few_networks_for_an_interval_there_is_no_share(seeds: int) -> None:
    """Whether something is decided cannot be told then."""
    score, reliability = (summarise({("x",): np.full(seeds, value)})["x",] for value in (0.5, 0.001))
    ceiling = ceiling_of(reliability)
    assert (ceiling.low, ceiling.high) == (None, None)
    assert share_of_ceiling(score, ceiling) is None


@pytest.mark.parametrize("missing", [0, 1])
def test_a_network_without_a_score_or_a_reliability_is_left_out(missing: int) -> None:
    values = np.array([[0.3, 0.35, 0.45, 0.4], [0.6, 0.7, 0.65, 0.8]])
    values[missing, 0] = np.nan
    share, of_others = (
        share_of_ceiling(summarise({("x",): one})["x",], ceiling_of(summarise({("x",): other})["x",]))
        for one, other in (values, values[:, 1:])
    )
    assert share is not None
    assert of_others is not None
    assert of_others.low is not None
    assert (share.mean, share.low) == pytest.approx((of_others.mean, of_others.low))
    assert share.per_seed == [None, *map(pytest.approx, of_others.per_seed)]


def test_layers_of_any_reliability_have_a_ceiling_from_0_to_1() -> None:
    high, none = (summarise({("x",): np.array(values)})["x",] for values in ((0.8, 1, 1, 1), 4 * (0.0,)))
    assert ceiling_of(high, [(7, high)]) == ceiling_of(high)
    assert ceiling_of(high, [(1, high), (1, high)]).high == 1
    half = ceiling_of(high, [(1, high), (1, none)])
    assert half.value == pytest.approx(ceiling_of(high).value / 2)
    assert half.low is not None
    nothing = ceiling_of(none, [(1, none), (1, none)])
    assert (nothing.value, nothing.low, nothing.high) == (0, 0, 0)


def test_a_layers_reliability_is_that_of_the_networks_that_have_one() -> None:
    whole, part = (
        summarise({("x",): np.array(values)})["x",] for values in (4 * (0.25,), (0.64, np.nan, 0.6, 0.68))
    )
    ceiling = ceiling_of(whole, [(2, part), (1, whole)])
    assert ceiling.value == pytest.approx((2 * 0.8 + 0.5) / 3)
    assert ceiling.low is not None


def test_of_other_networks_than_the_twins_there_is_no_share() -> None:
    score, reliability = (summarise({("x",): np.linspace(0.5, 0.6, seeds)})["x",] for seeds in (4, 5))
    assert share_of_ceiling(score, ceiling_of(reliability)) is None


def with_twins(values: dict[int, float]) -> Board:
    """A made-up board with a twin at some of its steps."""
    one = board()
    seeds = len(one.rows[0].seeds)
    twins: list[Row] = []
    for step, value in values.items():
        twin = row("twin", step, np.full(seeds, value) + np.linspace(-0.01, 0.01, seeds))
        twins.append(replace(twin, name="twin", sees_end=True, control=True))
    return Board(one.task, one.recipe, one.training, one.environment, one.evaluator, [*one.rows, *twins])


def test_where_twins_disagree_nothing_could_be_known() -> None:
    (found,) = ceilings(with_twins({0: -0.25})).values()
    assert (found.value, found.low, found.high) == (0, 0, 0)


def test_a_board_says_what_could_be_known_and_by_when() -> None:
    steps = sorted({each.at_step for each in board().rows})
    one = with_twins(dict(zip(steps, (0.81, 0.95), strict=False)))
    found = ceilings(one)
    assert found[steps[0]].value == pytest.approx(0.9)
    assert found[steps[0]].low == pytest.approx(0.9, abs=0.01)
    decided = decided_by(one)
    assert decided[0.9] is not None
    assert decided[0.9].at_step == steps[1]
    assert decided[0.99] is None
    assert f"a twin from step {steps[0]} agrees at 0.81" in str(by_when(one))
    assert "% of ceiling" in markdown(one)
    assert "share_of_ceiling_low" in to_csv(one)
    assert "share_of_ceiling_by_layer" not in to_csv(one)
    for text in (markdown(board()), to_csv(board())):
        assert "ceiling" not in text


def test_the_ceiling_is_of_the_norms_and_by_the_most_twins() -> None:
    one = with_twins({0: 0.81})
    seeds = len(one.rows[0].seeds)
    twin = {"name": "twin", "sees_end": True, "control": True}
    three = row("twin[twins=3]", 0, np.full(seeds, 0.64), draws=3, parameters={"twins": 3}, **twin)
    ten = row("twin[twins=10]", 0, np.full(seeds, 0.49), draws=10, parameters={"twins": 10}, **twin)
    failed = replace(
        row("twin[twins=20]", 0, np.zeros(seeds), draws=20, **twin), metrics={}, status="failed", error="no"
    )
    growth = {"draws": 9, "parameters": {"truth": "growth"}}
    other = row("twin[truth=growth]", 0, np.full(seeds, 0.25), **growth, **twin)
    for rows in ([*one.rows, three, other], [other, three, *one.rows]):
        assert ceilings(replace(one, rows=rows))[0].value == pytest.approx(0.8)
        assert ceilings(replace(one, rows=[failed, ten, *rows]))[0].value == pytest.approx(0.7)


def test_by_when_the_norms_are_decided_is_said_in_words() -> None:
    """At the first step with a twin it may have been before, unless that is the beginning."""
    early, late = "decided (0.9) by step 0", "decided (0.9) by step 50 (t/t_drop 0.17)"
    first, then = "a twin from step 0 agrees at 0.81", "from step 50 at 0.95"
    assert by_when(with_twins({0: 0.81, 50: 0.95})) == f"{first}, {then}; {late}"
    assert by_when(with_twins({50: 0.95})) == f"a twin from step 50 agrees at 0.95; {late} or before"
    assert by_when(with_twins({0: 0.95})) == f"a twin from step 0 agrees at 0.95; {early}"
    (twin,) = (each for each in with_twins({0: 0.95}).rows if each.name == "twin")
    more = replace(twin, scorer="twin[twins=3]", parameters={"twins": 3}, draws=3)
    both = with_twins({50: 0.97})
    assert by_when(replace(both, rows=[*both.rows, more])) == (
        f"a twin from step 0 agrees at 0.95, from step 50 at 0.97; {early}"
    )
    exact = replace(twin, metrics={("spearman",): replace(twin.metrics["spearman",], mean=0.9)})
    assert early in str(by_when(replace(both, rows=[exact])))


def test_a_seeds_part_in_the_share_is_what_the_share_loses_without_it() -> None:
    """Jackknife: the share is no mean over the seeds, but is linear in each of many."""
    draw = np.random.default_rng(3)
    reliability = draw.normal(0.6, 0.1, 100)
    score = 0.5 * reliability + draw.normal(0, 0.1, 100)
    of_score, of_twin = (summarise({("x",): values})["x",] for values in (score, reliability))
    share = share_of_ceiling(of_score, ceiling_of(of_twin))
    assert share is not None
    without = [np.delete(score, i).mean() / np.sqrt(np.delete(reliability, i).mean()) for i in range(100)]
    assert share.per_seed == pytest.approx(100 * share.mean - 99 * np.array(without), abs=0.005)


def test_a_file_has_each_layers_share_of_its_own_ceiling() -> None:
    one = layered()
    first = next(each for each in one.rows if each.at_step == 0 and each.predicts and each.spearman)
    by_layer = {path: each for path, each in first.metrics.items() if path[0] == "spearman_by_layer"}
    twin = replace(
        first,
        scorer="twin", name="twin", sees_end=True, control=True, parameters={},
        metrics={path: summarise({path: np.full(len(first.seeds), 0.64)})[path] for path in by_layer}
        | {("spearman",): summarise({("spearman",): np.full(len(first.seeds), 0.81)})["spearman",]},
    )  # fmt: skip
    one = Board(one.task, one.recipe, one.training, one.environment, one.evaluator, [*one.rows, twin])
    assert ceilings(one)[0].value == pytest.approx(0.8)
    assert ceilings(one)[0].weights == (6, 16, 120, 84)
    lines = csv.DictReader(io.StringIO(to_csv(one)))
    line = next(each for each in lines if (each["scorer"], each["at_step"]) == (first.scorer, "0"))
    for (_, name), score in by_layer.items():
        assert float(line[f"share_of_ceiling_by_layer_{name}"]) == pytest.approx(score.mean / 0.8)
        assert line[f"share_of_ceiling_by_layer_{name}_low"]
    assert "by_layer" not in markdown(one)


def test_a_terminal_says_first_by_when_the_norms_are_decided() -> None:
    def printed(shown: Board) -> str:
        out = Console(width=100, record=True, file=io.StringIO())
        out.print(render(shown))
        return out.export_text()

    first, rest = printed(with_twins({0: 0.81})).split("\n", 1)
    assert first == "final norms of 300 neurons: a twin from step 0 agrees at 0.81"
    assert "agrees at" not in rest
    assert "agrees at" not in printed(board())


def test_a_row_without_a_time_does_not_take_the_ceilings() -> None:
    """Unfit rows were never asked; one whose name comes after the twin's is the last of its step."""
    one = with_twins({50: 0.81})
    unfit = replace(
        one.rows[-1], scorer="unfit", name="unfit", status="unfit", relative_time=None, metrics={}
    )
    (point,) = ceiling_points(replace(one, rows=[*one.rows, unfit]), {SPEARMAN: {"of": "correlation"}})
    assert point["relative"] == pytest.approx(50 / 300)


def test_over_boards_each_has_the_share_of_its_own_ceiling() -> None:
    boards = [
        replace(with_twins({0: value}), task=board(fingerprint=f"f{value}").task) for value in (0.36, 0.81)
    ]
    (column,) = columns_called(boards, ["% of ceiling"])
    good = next(each.spearman for each in boards[0].rows if each.key == ("good", 0))
    assert good is not None
    shares = [good.mean / 0.6, good.mean / 0.9]
    found = across(boards, column, 0)
    assert found is not None
    assert found.means[found.scorers.index("good")] == pytest.approx(shares, abs=1e-3)
    compared = compare_boards(boards[0], boards[1], ["% of ceiling"], 0)
    (pair,) = (one for one in compared.pairs if one.scorer == "good")
    assert pair.means == pytest.approx(shares, abs=1e-3)
    pairs = compare_scorers(boards, "good", "fair", ["% of ceiling"], 0).pairs
    assert [one.means[0] for one in pairs] == pytest.approx(shares, abs=1e-3)
    assert [best_of(one, column, 0) for one in boards] == [f"good {100 * share:.1f}" for share in shares]


def test_a_share_that_the_second_board_alone_has_is_found() -> None:
    """The first board's twin is of other networks, so that none of its rows has a share."""
    one, other = with_twins({0: 0.36}), with_twins({0: 0.81})
    rows = [
        replace(each, seeds=[seed + 100 for seed in each.seeds]) if each.name == "twin" else each
        for each in one.rows
    ]
    assert columns_called([replace(one, rows=rows), other], ["% of ceiling"])
