"""Boards whose truth is known: how often are the claims wrong, and are real differences found?"""

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from prunebench.evaluation.comparison import Standing, beats, standings
from prunebench.evaluation.statistics import intervals

BOARDS, SCORERS, SEEDS = 1000, 10, 20
Noise = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]
NOISE: dict[str, Noise] = {
    "normal": lambda draw, shape: draw.normal(size=shape),
    "heavy": lambda draw, shape: draw.standard_t(3, size=shape),
    "ties": lambda draw, shape: draw.normal(size=shape).round(),  # as accuracies on few test samples
}


def most_errors(boards: int = BOARDS, level: float = 0.05) -> int:
    """As many as chance gives a procedure that errs at exactly `level`, but for once in a thousand."""
    return int(stats.binom.ppf(0.999, boards, level))


def board(draw: np.random.Generator, effects: np.ndarray, noise: Noise) -> dict[str, np.ndarray]:
    """Networks differ, which all scorers feel; each scorer has noise of its own; and its true effect."""
    network = draw.normal(size=SEEDS)
    values = network + noise(draw, (len(effects), SEEDS)) + effects[:, None]
    return {str(i): row for i, row in enumerate(values)}


@pytest.mark.parametrize("noise", NOISE)
def test_equal_scorers_are_called_different_on_at_most_5_percent_of_boards(noise: str) -> None:
    """Family-wise: a board with a single false claim among its 45 pairs counts."""
    draw = np.random.default_rng(0)
    claims = sum(bool(beats(board(draw, np.zeros(SCORERS), NOISE[noise]))) for _ in range(BOARDS))
    assert claims <= most_errors()


def test_rank_intervals_hold_all_true_ranks_on_95_percent_of_boards() -> None:
    """Some scorers are better than others here, some are equal: any order of equals is a true one."""
    draw, wrong = np.random.default_rng(1), 0
    effects = np.repeat([1.5, 0.5, 0.0, -1.0], [1, 4, 4, 1])
    for _ in range(BOARDS):
        found = standings(board(draw, effects, NOISE["normal"]))
        wrong += not all(
            found[str(i)].first <= 1 + (effects > effect).sum()
            and found[str(i)].last >= (effects >= effect).sum()
            for i, effect in enumerate(effects)
        )
    assert wrong <= most_errors()


def test_a_real_difference_is_found() -> None:
    """Better than nine others by 1.5 standard deviations of the paired difference: the sole first."""
    draw, boards = np.random.default_rng(2), 200
    effects = np.zeros(SCORERS)
    effects[3] = 1.5 * np.sqrt(2)
    firsts = [standings(board(draw, effects, NOISE["normal"]))["3"] for _ in range(boards)]
    assert sum(first == Standing(1, 1) for first in firsts) >= 0.9 * boards


def test_without_correction_the_same_boards_would_fail() -> None:
    """What the correction is for; and that the first test can fail."""
    draw = np.random.default_rng(0)
    claims = 0
    for _ in range(50):
        values = np.stack(list(board(draw, np.zeros(SCORERS), NOISE["normal"]).values()))
        p = [stats.wilcoxon(values[i], values[j]).pvalue for i in range(4) for j in range(i)]
        claims += min(p) <= 0.05
    assert claims > most_errors(50)


@pytest.mark.parametrize(
    ("shape", "at_least", "at_most"),
    [("normal", 0.90, 0.96), ("exponential", 0.87, 0.95)],
)
def test_intervals_cover_the_true_mean_about_as_often_as_documented(
    shape: str, at_least: float, at_most: float
) -> None:
    """1,000 sets of 20 seeds. docs/statistics.md has the measured coverage, which is below 95 %."""
    draw = np.random.default_rng(0)
    values = draw.normal(size=(1000, 20)) if shape == "normal" else draw.exponential(size=(1000, 20)) - 1
    bounds = [intervals(rows) for rows in np.split(values, 10)]
    covered = np.mean([(low <= 0) & (high >= 0) for low, high in bounds])
    assert at_least <= covered <= at_most
