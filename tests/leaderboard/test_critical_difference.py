"""How scorers stand over boards: the data, and the diagram of characters."""

import numpy as np
import pytest
from made_up_boards import board, layered, row
from rich.console import Console

from prunebench.errors import RequestError
from prunebench.evaluation.statistics import intervals
from prunebench.leaderboard.across import EARLY, Across, across, by_family
from prunebench.leaderboard.boards_table import BoardsTable
from prunebench.leaderboard.columns import SPEARMAN
from prunebench.leaderboard.critical_difference import BAR, LEFT, POINT, diagram
from prunebench.leaderboard.metric_names import columns_called
from prunebench.leaderboard.overview import overview

EFFECTS = {"good": 0.3, "fair": 0.1, "also_fair": 0.1, "random": 0.0}


def boards(count: int, effects: dict[str, float] = EFFECTS):
    return [board(seed, effects, steps=(0, 50)) for seed in range(count)]


def test_rank_intervals_firsts_and_wins_are_those_of_the_ranks_over_boards() -> None:
    found = across(boards(8), SPEARMAN, 0)
    assert found is not None
    ranks = np.array([[1 + (column > value).sum() for value in column] for column in found.means.T]).T
    low, high = intervals(ranks.astype(float))
    ends = np.array([found.rank_ends[scorer] for scorer in found.scorers])
    assert ends == pytest.approx(np.stack([low, high], axis=1).clip(1, 4))
    assert found.firsts == {"good": 8, "fair": 0, "also_fair": 0, "random": 0}
    assert found.win_rates["good"] == 1
    assert sum(found.win_rates.values()) == pytest.approx(2)
    two = across(boards(2), SPEARMAN, 0)
    assert two is not None
    assert np.isnan(two.rank_ends["good"]).all()


def test_rank_intervals_end_where_ranks_do() -> None:
    """Of few boards an interval is wide: 1.3 +- 1.4."""
    means = np.array([[0.9, 0.9, 0.5], [0.5, 0.5, 0.9], [0.1, 0.1, 0.1]])
    found = Across(SPEARMAN, 0, "all", ("a", "b", "c"), ("one", "other", "third"), means, ())
    assert found.rank_ends["one"][0] == 1
    found = Across(SPEARMAN, 0, "all", ("a", "b", "c"), ("one", "other", "third"), -means, ())
    assert found.rank_ends["one"][1] == 3


def test_neither_a_rare_scorer_nor_a_poor_board_takes_the_others_away() -> None:
    some = boards(4)
    some[0].rows.append(row("alone", 0, np.linspace(0, 1, 20)))  # by name it comes first
    some.append(board(9, {"good": 0.3}, steps=(0,)))
    for one in some:  # what sees the end is no scorer among others
        one.rows.append(row("oracle", 0, np.ones(20)))
    found = across(some, SPEARMAN, 0)
    assert found is not None
    assert (len(found.scorers), len(found.boards)) == (4, 4)
    assert (found.left_out, found.boards_left_out) == (("alone",), (some[-1].name,))


def test_early_is_the_mean_of_the_steps_up_to_the_plateaus_end() -> None:
    one = layered(0, EFFECTS, steps=(0, 30, 50))  # its plateau ends at 30
    one.rows.append(row("rare", 30, np.linspace(0, 1, 20)))
    found = across([one, layered(1, EFFECTS, (0, 20))], SPEARMAN, EARLY)
    assert found is not None
    means = {row.key: row.spearman.mean for row in one.rows if row.spearman}
    place = found.boards.index(one.name)
    expected = [(means[scorer, 0] + means[scorer, 30]) / 2 for scorer in found.scorers]
    assert found.means[:, place] == pytest.approx(expected)


def test_families_are_told_apart_where_there_are_two() -> None:
    some = [*boards(3), layered(1, EFFECTS), layered(2, EFFECTS)]
    assert [(one.family, len(one.boards)) for one in by_family(some, [SPEARMAN], [0])] == [
        ("all", 5),
        ("shallow", 3),
        ("layered", 2),
    ]
    assert [one.family for one in by_family(boards(3), [SPEARMAN], [0])] == ["all"]
    of_four = by_family(some[:4], [SPEARMAN], [0])
    assert [one.family for one in of_four] == ["all", "shallow"]  # no family of one
    text = overview(some)
    assert text.index("## How scorers stand over the boards") < text.index("## The boards")
    assert "### layered networks' 2 boards, Spearman at step 0" in text


@pytest.mark.parametrize("width", [80, 120])
def test_twenty_long_names_are_whole_and_fit(width: int) -> None:
    names = {f"torch_pruning[importance=Number{i:02}]": 0.008 * i for i in range(20)}
    found = across(boards(14, names), SPEARMAN, 0)
    assert found is not None
    assert found.comparison is not None
    assert len(found.comparison.cliques) > 3
    head, *lines = diagram(found, width)
    assert max(map(len, (head, *lines))) <= width
    assert [line.split()[0] for line in lines] == found.order
    assert lines[0].split()[0] == "torch_pruning[importance=Number19]"
    points = [line.index(POINT) for line in lines]
    assert points == sorted(points)
    first, last = head.index("1"), head.rindex("20") + 1
    shares = [(found.average_ranks[scorer] - 1) / 19 for scorer in found.order]
    assert points == [first + round(share * (last - first)) for share in shares]
    assert [*diagram(found, width, found.order[-3:])] == [head, *lines[-3:]]  # on the axis of all
    bare = [*diagram(found, width, numbers=False)]
    assert bare[0].split() == ["scorer", "1", "20"]
    assert [line.split()[0] for line in bare[1:]] == found.order
    assert max(map(len, bare)) <= width
    lefts = [line.index(LEFT) < at for line, at in zip(lines, points, strict=True) if LEFT in line]
    assert all(lefts)
    assert lefts
    last = max(line.rindex(BAR) for line in lines if BAR in line)
    bars = [
        [line.ljust(last + 1)[i] == BAR for line in lines] for i in range(head.rindex("20") + 3, last + 1)
    ]
    assert [
        tuple(scorer for scorer, joined in zip(found.order, bar, strict=True) if joined) for bar in bars
    ] == list(found.comparison.cliques)


def test_a_folders_boards_are_a_diagram_and_a_line_each() -> None:
    console = Console(width=80, highlight=False)
    some = boards(8)
    with console.capture() as captured:
        console.print(BoardsTable(some, SPEARMAN, scorers=("fair", "good"), top=1))
    text = captured.get()
    assert "all 8 boards, Spearman at step 0" in text
    assert text.count("good  ") == 2
    assert "fair" not in text
    for one in some:
        assert f"│ {one.name} │ good 0." in text


def test_a_metric_is_called_by_its_name_or_by_its_heading_anywhere() -> None:
    one = board()
    for text in (
        "accuracy.prune_final.0.1",
        "accuracy prune_final 0.1",
        "accuracy_prune_final_0.1",
        "Pruned to 10 %",
        "Pruned at the end: test accuracy 10 %",
    ):
        assert [column.path for column in columns_called([one], [text])] == [
            ("accuracy", "prune_final", "0.1")
        ]
    assert columns_called([one], ["Spearman", "spearman"]) == [SPEARMAN]
    with pytest.raises(RequestError, match="did you mean 'spearman'"):
        columns_called([one], ["Speerman"])


def test_where_no_scorer_shown_is_compared_there_is_no_diagram() -> None:
    """`rare` stands on one board only; which scorers the verdict is about is said all the same."""
    some = boards(3)
    some[0].rows.append(row("rare", 0, np.linspace(0, 1, 20)))
    console = Console(width=120, highlight=False)
    with console.capture() as captured:
        console.print(BoardsTable(some, SPEARMAN, (0,), scorers=("rare",)))
    text = captured.get()
    assert "all 3 boards, Spearman at step 0" in text
    assert "not on every board: rare" in text
    assert POINT not in text
