import itertools
import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from prunebench.evaluation.comparison import beats, holm, signed_ranks
from prunebench.evaluation.friedman import average_ranks, cliques, compare, tasks_needed

NAMES = tuple("abcdefg")


@pytest.fixture(scope="module")
def posthocs():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the test dependency's own imports
        import scikit_posthocs
    return scikit_posthocs


def tasks(seed: int, methods: int = 7, count: int = 20) -> np.ndarray:
    draw = np.random.default_rng(seed)
    return (
        draw.normal(size=count) + draw.normal(0, 0.5, (methods, count)) - 0.25 * np.arange(methods)[:, None]
    )


@pytest.mark.parametrize("seed", range(5))
def test_pairwise_tests_are_those_of_scikit_posthocs(posthocs, seed: int) -> None:
    means = tasks(seed)
    table = pd.DataFrame(means.T, columns=list(NAMES)).melt(var_name="method", value_name="mean")
    theirs = posthocs.posthoc_wilcoxon(table, val_col="mean", group_col="method", p_adjust="holm")
    pairs = list(itertools.combinations(range(len(NAMES)), 2))
    ours = holm(signed_ranks(np.array([means[i] - means[j] for i, j in pairs]))[0].tolist())
    assert ours == pytest.approx([theirs.loc[NAMES[i], NAMES[j]] for i, j in pairs])


@pytest.mark.parametrize("seed", range(5))
def test_friedman_and_average_ranks_are_those_of_scipy_and_pandas(seed: int) -> None:
    means = tasks(seed).round(1)  # with ties
    found = compare(NAMES, means)
    assert found is not None
    assert found.p == pytest.approx(stats.friedmanchisquare(*means).pvalue)
    ranks = pd.DataFrame(means, index=list(NAMES)).rank(ascending=False).mean(axis=1)
    assert average_ranks(means) == pytest.approx(ranks.to_numpy())


@pytest.mark.parametrize("seed", range(20))
def test_cliques_are_the_maximal_runs_without_a_difference(seed: int) -> None:
    draw = np.random.default_rng(seed)
    different = {pair for pair in itertools.permutations(NAMES, 2) if draw.random() < 0.15}
    runs = [
        range(first, last)
        for first, last in itertools.combinations(range(len(NAMES) + 1), 2)
        if last - first > 1
        and not any(
            (NAMES[i], NAMES[j]) in different for i, j in itertools.permutations(range(first, last), 2)
        )
    ]
    longest = [run for run in runs if not any(set(run) < set(other) for other in runs)]
    assert set(cliques(NAMES, different)) == {tuple(NAMES[i] for i in run) for run in longest}


def test_a_method_that_is_best_on_every_task_stands_apart() -> None:
    means = tasks(0)
    means[4] = means.max(axis=0) + 1
    found = compare(NAMES, means)
    assert found is not None
    assert average_ranks(means).argmin() == NAMES.index("e")
    assert found.p < 0.001
    assert all("e" not in clique for clique in found.cliques)


def test_nothing_is_compared_below_the_floor() -> None:
    """With one task fewer no pair could reach 0.05, whatever the numbers."""
    needed = tasks_needed(len(NAMES))
    assert needed == 10
    clear = np.arange(7.0)[:, None] + np.zeros((7, needed)) + 0.01 * np.arange(needed)
    assert compare(NAMES, clear[:, 1:]) is None
    assert compare(NAMES[:2], tasks(0, methods=2)) is None
    found = compare(NAMES, clear)
    assert found is not None
    assert found.cliques == ()


def test_equal_methods_are_one_clique() -> None:
    found = compare(NAMES, np.ones((7, 12)))
    assert found is not None
    assert (found.p, found.cliques) == (1.0, (NAMES,))


def test_false_differences_over_tasks_are_rare() -> None:
    """200 sets of 12 tasks on which no method is better: some difference is claimed in at most 5 %."""
    draw = np.random.default_rng(0)
    claims = sum(
        [len(clique) for clique in found.cliques] != [len(NAMES)]
        for _ in range(200)
        if (found := compare(NAMES, draw.normal(size=12) + draw.normal(size=(7, 12))))
    )
    assert claims <= stats.binom.ppf(0.999, 200, 0.05)


def test_beats_gives_the_better_first() -> None:
    base = np.random.default_rng(0).normal(size=20)
    assert beats({"worse": base, "better": base + 1}) == {("better", "worse")}
