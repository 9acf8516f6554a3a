import numpy as np
import pytest
from made_up_boards import row, summary, with_metric
from msgspec.structs import replace
from scipy import stats

from prunebench.evaluation.summary import Band
from prunebench.leaderboard.column import Column
from prunebench.leaderboard.columns import SPEARMAN
from prunebench.leaderboard.ranks import (
    ALIKE,
    CHANCE,
    FIRST,
    better_than,
    chance_note,
    floor_note,
    label_marks,
    left_out_note,
    marks,
    rank_rows,
)

SIGN = Column("sign", ("sign_agreement",))


def test_ranks_are_by_step_and_leave_the_oracle_out() -> None:
    base = np.random.default_rng(0).uniform(0.4, 0.5, 20)
    rows = [
        row("a", 50, base + 0.2),
        row("b", 50, base),
        row("oracle", 50, np.ones(20)),
        row("b", 0, base),
    ]
    ranks = {key: str(interval) for key, interval in rank_rows(rows).items()}
    assert ranks == {("a", 50): "1", ("b", 50): "2", ("b", 0): "1"}
    assert floor_note(rows) is None


def test_other_seeds_are_not_compared() -> None:
    base = np.random.default_rng(0).uniform(0.4, 0.5, 20)
    rows = [row("a", 50, base + 0.2), row("b", 50, base), row("c", 50, base[:7])]
    assert set(rank_rows(rows)) == {("a", 50), ("b", 50)}
    rows = [row("a", 50, base[:7] + 0.2), row("b", 50, base[:7]), row("c", 50, base)]
    assert set(rank_rows(rows)) == {("a", 50), ("b", 50)}


def test_rows_without_a_rank_are_named_and_no_lower_row_is_first() -> None:
    base = np.random.default_rng(0).uniform(0.4, 0.5, 20)
    ranked = [row("a", 50, base + 0.2), row("b", 50, base)]
    assert marks(ranked, SPEARMAN) == {("a", 50): FIRST}
    assert left_out_note(ranked) is None
    hole = [*(base[:19] + 0.3), np.nan]
    for other in (row("c", 50, base[:7] + 0.3), row("c", 50, np.array(hole))):
        assert marks([*ranked, other], SPEARMAN) == {}
        assert "some: c at step 50." in (left_out_note([*ranked, other]) or "")
    low = row("c", 50, base[:7])
    assert marks([*ranked, low], SPEARMAN) == {("a", 50): FIRST}


def test_seeds_in_another_order_are_the_same() -> None:
    base, order = np.random.default_rng(0).uniform(0.4, 0.5, 20), list(range(19, -1, -1))
    rows = [row("a", 50, base + 0.2), row("b", 50, base[order], seeds=order)]
    assert marks(rows, SPEARMAN) == {("a", 50): FIRST}


def test_marks_are_of_the_first_and_of_what_chance_may_be() -> None:
    draw = np.random.default_rng(0)
    base, noise = draw.uniform(0.4, 0.5, 20), draw.normal(0, 0.01, 20)
    above = {"a": base + 0.2, "b": base + 0.1, "random": base, "guess": base + noise}
    rows = [row(name, 0, values) for name, values in above.items()]
    assert marks(rows, SPEARMAN) == {("a", 0): FIRST, ("guess", 0): CHANCE}
    assert [better_than(each, rows, SPEARMAN) for each in rows] == [set(), {"a"}, {"a", "b"}, {"a", "b"}]
    few = [row(name, 0, values[:4]) for name, values in above.items()]
    assert marks(few, SPEARMAN) == {}


def test_chance_reaches_from_the_lowest_to_the_highest_of_all_steps() -> None:
    bands = {0: Band(-0.02, 0.03), 50: Band(-0.04, 0.01)}
    rows = [with_metric(row("random", step, np.zeros(5)), "spearman", band=of) for step, of in bands.items()]
    assert "-0.04 to 0.03" in (chance_note(rows) or "").replace("\N{MINUS SIGN}", "-")


def test_too_few_seeds_say_why_nothing_is_significant() -> None:
    base = np.random.default_rng(0).uniform(0.4, 0.5, 5)
    rows = [row("a", 50, base + 0.2), row("b", 50, base), row("c", 50, base - 0.2)]
    assert {str(interval) for interval in rank_rows(rows).values()} == {"1-3"}
    assert "5 seeds cannot separate 3 scorers (3 corrected comparisons need 7 seeds)" in (
        floor_note(rows) or ""
    )


def test_too_few_seeds_are_said_of_every_step_and_only_of_ranks() -> None:
    """The sign of two scorers alone is compared here, which takes no more seeds than there are."""
    base = np.random.default_rng(0).uniform(0.4, 0.5, 6)
    rows = [row(name, step, base + value) for step in (0, 50) for name, value in (("a", 0.2), ("b", 0.1))]
    rows = [replace(each, metrics=each.metrics | {SIGN.path: each.metrics["spearman",]}) for each in rows]
    rows += [row("c", step, base) for step in (0, 50)]
    note = floor_note(rows) or ""
    assert note.startswith(
        "All ranks at steps 0, 50 are tied, and the Spearman correlation has no * and no °: 6"
    )
    assert marks(rows, SIGN) == {("a", 0): FIRST, ("a", 50): FIRST}
    rows.append(row("d", 50, base - 0.1))
    assert "at step 0 are tied" in (note := floor_note(rows) or "")
    assert "at step 50 are tied" in note


def test_random_scores_are_told_apart_from_random_ones_no_more_often_than_tests_err() -> None:
    """Accuracies with rare collapses, 100 seeds: a scorer that draws as `random` does, shown as a mean.

    That mean is less skewed than a single draw: tested against it, a quarter of the boards tell them apart.
    """
    draw, boards, wrong, by_means = np.random.default_rng(0), 400, 0, 0
    other, chance = (row(scorer, 50, np.zeros(100)) for scorer in ("other", "random"))
    for _ in range(boards):
        single, draws = (0.95 - 0.1 * draw.gamma(0.5, size=shape) for shape in (100, (3, 100)))
        other = with_metric(other, "spearman", per_seed=single.tolist())
        means = with_metric(chance, "spearman", per_seed=draws.mean(axis=0).tolist())
        by_means += len(set(rank_rows([other, means]).values())) > 1
        drawn = with_metric(means, "spearman", first_draw=draws[0].tolist())
        wrong += len(set(rank_rows([other, drawn]).values())) > 1
    assert wrong <= stats.binom.ppf(0.999, boards, 0.05)
    assert by_means > 0.2 * boards


@pytest.mark.parametrize("seeds", [3, 20])
def test_what_labels_do_not_change_is_marked(seeds: int) -> None:
    """Where the seeds can tell, and one scorer's difference is no evidence for another's."""
    draw = np.random.default_rng(0)
    values, noise = draw.normal(0.5, 0.1, seeds), draw.normal(0, 0.03, (2, seeds))
    rows = [
        row(name, 0, values, reads_labels=True, spearman_shuffled_labels=summary(values - learnt + some))
        for name, learnt, some in (("learns", 0.2, noise[0]), ("knows nothing", 0.0, noise[1]))
    ]
    rows += [row("reads none", 0, values, reads_labels=False), row("old", 0, values)]
    assert label_marks(rows) == ({} if seeds == 3 else {("knows nothing", 0): ALIKE})


def test_as_few_seeds_as_can_tell_mark_what_labels_do_not_change() -> None:
    for seeds, marked in ((6, set()), (7, {("a", 0), ("b", 0)})):
        values = np.linspace(0.4, 0.5, seeds)
        rows = [row(name, 0, values, spearman_shuffled_labels=summary(values)) for name in "ab"]
        assert set(label_marks(rows)) == marked


def test_of_several_draws_labels_are_told_by_the_first() -> None:
    values = np.linspace(0.4, 0.5, 20)
    one = row("a", 0, values, spearman_shuffled_labels=summary(values - 0.1))
    assert label_marks([one]) == {}
    drawn = with_metric(one, "spearman", first_draw=(values - 0.1).tolist())
    assert label_marks([drawn]) == {("a", 0): ALIKE}


def test_chance_is_seldom_taken_for_learning() -> None:
    """The marks that are lacking where labels change nothing: at most 5 % of all steps have any."""
    draw, lacking = np.random.default_rng(1), 0
    for _ in range(60):
        values = draw.normal(0.5, 0.1, (4, 12))
        rows = [
            row(str(i), 0, own, spearman_shuffled_labels=summary(own + draw.normal(0, 0.05, 12)))
            for i, own in enumerate(values)
        ]
        lacking += len(label_marks(rows)) < 4
    assert lacking <= 8
