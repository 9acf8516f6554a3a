import numpy as np
import pytest

from prunebench.tasks.draw import draw

NAMES = {number: str(number) for number in range(5)}
Y = np.random.default_rng(0).permutation(np.repeat(np.arange(5), 50))


@pytest.mark.parametrize(
    ("sides", "samples", "counts"),
    [
        (((0, 3), (1, 2)), 80, {0: 20, 3: 20, 1: 20, 2: 20}),
        (((0, 3), (1, 2)), 82, {0: 21, 3: 20, 1: 21, 2: 20}),
        (((0, 3), (1, 2)), 81, {0: 21, 3: 20, 1: 20, 2: 20}),
        (((0,), (1, 2)), 80, {0: 40, 1: 20, 2: 20}),
        (((0, 3, 4), (1,)), 31, {0: 6, 3: 5, 4: 5, 1: 15}),
        (((4,), (2,)), 100, {4: 50, 2: 50}),
    ],
)
def test_balance(
    sides: tuple[tuple[int, ...], tuple[int, ...]], samples: int, counts: dict[int, int]
) -> None:
    places = draw(Y, sides, samples, 0, NAMES)
    assert len(set(places.tolist())) == samples
    found, how_often = np.unique(Y[places], return_counts=True)
    assert dict(zip(found.tolist(), how_often.tolist(), strict=True)) == counts


def test_larger_draws_contain_smaller_ones() -> None:
    small, large = (set(draw(Y, ((0, 3), (1, 2)), n, 9, NAMES).tolist()) for n in (40, 120))
    assert small < large


def test_samples_are_not_in_order_of_class() -> None:
    drawn = Y[draw(Y, ((0, 3), (1, 2)), 80, 0, NAMES)]
    assert len(np.unique(drawn[:20])) == 4


def test_every_sample_can_be_drawn_and_seeds_are_independent() -> None:
    draws = [draw(Y, ((0,), (1,)), 20, seed, NAMES) for seed in range(200)]
    hits = np.bincount(np.concatenate(draws), minlength=len(Y))[np.isin(Y, (0, 1))]
    # 200 draws of 10 out of 50: binomial with mean 40 and standard deviation 5.7.
    assert abs(hits - 40).max() < 5 * 5.7


def test_the_draw_of_a_seed_stays_the_same_for_ever() -> None:
    """Records name the seed only, so a NumPy that draws differently must be noticed."""
    places = draw(np.arange(40) % 4, ((0, 3), (1, 2)), 8, 0, NAMES)
    assert places.tolist() == [24, 16, 21, 18, 22, 17, 11, 39]
