"""What must hold for any values: statistics look at order, pairs and scale as they are defined to."""

import itertools

import numpy as np
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import prunebench as pb
from prunebench.evaluation.comparison import beats, holm, rank_intervals, signed_ranks
from prunebench.evaluation.rank import rank
from prunebench.evaluation.statistics import intervals

# The same examples each time: whoever changes nothing breaks nothing.
examples = settings(max_examples=100, deadline=None, derandomize=True, database=None)

NEURONS = 12
WHOLE = st.integers(-9, 9)
SCORES = st.lists(WHOLE, min_size=NEURONS, max_size=NEURONS).filter(lambda values: len(set(values)) > 1)
PAIRED = st.lists(WHOLE, min_size=1, max_size=8)
P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=6)
TABLE = st.lists(st.lists(WHOLE, min_size=9, max_size=9), min_size=2, max_size=4)


def trained() -> pb.Networks:
    draw = torch.Generator().manual_seed(0)
    return pb.shallow_networks(
        *(torch.randn(shape, generator=draw) for shape in ((1, NEURONS, 3), (1, NEURONS), (1, 2, NEURONS)))
    )


def ranked(scores: list[int], final: pb.Networks) -> dict[tuple[str, ...], float]:
    metrics = rank(torch.tensor([scores], dtype=torch.float64), final)
    return {path: float(values[0]) for path, values in metrics.items()}


@examples
@given(scores=SCORES)
def test_ranks_see_the_order_alone(scores: list[int]) -> None:
    final = trained()
    stretched = [score**3 + 5 for score in scores]
    np.testing.assert_equal(ranked(stretched, final), ranked(scores, final))


@examples
@given(scores=SCORES)
def test_turned_round_correlations_change_their_sign(scores: list[int]) -> None:
    final = trained()
    there, back = ranked(scores, final), ranked([-score for score in scores], final)
    for path in (("spearman",), ("kendall",), ("spearman_within_groups",)):
        np.testing.assert_allclose(back[path], -there[path], atol=1e-12)


@examples
@given(scores=st.permutations(range(NEURONS)), order=st.permutations(range(NEURONS)))
def test_the_numbers_of_the_neurons_do_not_matter(scores: list[int], order: list[int]) -> None:
    final = trained()
    other = pb.shallow_networks(final.w_in[:, order], final.bias[:, order], final.w_out[:, :, order])
    one, two = ranked(scores, final), ranked([scores[neuron] for neuron in order], other)
    assert one.keys() == two.keys()
    np.testing.assert_allclose(list(two.values()), list(one.values()), atol=1e-12)


@examples
@given(differences=PAIRED)
def test_wilcoxons_p_is_the_share_of_all_signs(differences: list[int]) -> None:
    """By counting all 2^n of them, with ties and zeros."""
    values = np.array(differences, dtype=float)
    kept = values[values != 0]
    sizes = np.abs(kept)
    ranks = np.array([(sizes < size).sum() + ((sizes == size).sum() + 1) / 2 for size in sizes])
    centre = ranks.sum() / 2
    seen = abs(ranks[kept > 0].sum() - centre)
    signs = itertools.product([0, 1], repeat=len(kept))
    extreme = [abs((ranks * np.array(sign)).sum() - centre) >= seen for sign in signs]
    np.testing.assert_allclose(signed_ranks(values[None])[0], [np.mean(extreme)], rtol=1e-12)


@examples
@given(a=PAIRED, data=st.data(), scale=st.sampled_from([0.25, 3.0, 1e-6]), shift=WHOLE)
def test_wilcoxon_is_symmetric_and_blind_to_scale_and_shift(
    a: list[int], data: st.DataObject, scale: float, shift: int
) -> None:
    one = np.array(a, dtype=float)
    two = np.array(data.draw(st.lists(WHOLE, min_size=len(a), max_size=len(a))), dtype=float)
    differences = [one - two, two - one, scale * one - scale * two, (one + shift) - (two + shift)]
    (p, *others), (ahead, behind, *_) = signed_ranks(np.array(differences))
    assert 0 < p <= 1
    assert others == [p] * 3
    assert ahead == -behind


@examples
@given(p_values=P_VALUES)
def test_holm_is_the_closed_test_of_bonferroni(p_values: list[float]) -> None:
    """The largest Bonferroni p-value of all the intersections that a hypothesis is part of."""
    everything = range(len(p_values))
    sets = [s for size in everything for s in itertools.combinations(everything, size + 1)]
    expected = [
        max(min(1.0, len(s) * min(p_values[i] for i in s)) for s in sets if one in s) for one in everything
    ]
    np.testing.assert_allclose(holm(p_values), expected, rtol=1e-12)


@examples
@given(p_values=P_VALUES, data=st.data())
def test_holm_keeps_the_order_of_the_tests(p_values: list[float], data: st.DataObject) -> None:
    order = data.draw(st.permutations(range(len(p_values))))
    adjusted = holm(p_values)
    assert holm([p_values[i] for i in order]) == [adjusted[i] for i in order]


@examples
@given(table=TABLE, networks=st.lists(WHOLE, min_size=9, max_size=9), data=st.data())
def test_who_beats_whom_does_not_depend_on_the_networks_or_the_names(
    table: list[list[int]], networks: list[int], data: st.DataObject
) -> None:
    """A network that is easy for everybody changes nothing: all comparisons are paired."""
    values = {str(number): np.array(row, dtype=float) for number, row in enumerate(table)}
    shifted = {name: row + np.array(networks) for name, row in values.items()}
    assert beats(shifted) == beats(values)
    order = data.draw(st.permutations(sorted(values)))
    assert beats({name: values[name] for name in order}) == beats(values)
    for place in rank_intervals(values).values():
        assert 1 <= place.first <= place.last <= len(values)


@settings(examples, max_examples=20)
@given(values=st.lists(WHOLE, min_size=3, max_size=8))
def test_intervals_scale_with_their_values(values: list[int]) -> None:
    row = np.array([values], dtype=float)
    low, high = intervals(row)
    assume(np.isfinite(low).all())
    assert (low <= high).all()
    assert (low < high).all() == (len(set(values)) > 1)
    fourfold = intervals(4 * row)  # exact in floats
    np.testing.assert_array_equal(fourfold, (4 * low, 4 * high))
