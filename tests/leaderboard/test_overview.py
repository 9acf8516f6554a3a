from pathlib import Path

import numpy as np
import pytest
from made_up_boards import LENET, board, layered, row
from msgspec.structs import replace

from prunebench.leaderboard.across import across, wins
from prunebench.leaderboard.apart import headings
from prunebench.leaderboard.charts.figures import draw
from prunebench.leaderboard.columns import SPEARMAN
from prunebench.leaderboard.folder import rebuild
from prunebench.leaderboard.overview import best_of, overview
from prunebench.leaderboard.ranks import FIRST, marks, rank_rows

EFFECTS = {"good": 0.3, "fair": 0.1, "also_fair": 0.1, "random": 0.0}


def boards(count: int):
    return [board(seed, EFFECTS, steps=(50,)) for seed in range(count)]


def test_ranks_and_wins_are_those_of_the_means() -> None:
    found = across(boards(6), SPEARMAN, 50)
    assert found is not None
    assert found.average_ranks["good"] == 1
    assert found.average_ranks["random"] == 4
    won = wins(boards(6), SPEARMAN)
    assert won is not None
    assert (won.scorers[0], won.scorers[-1]) == ("good", "random")
    assert won.rates[0, 1:].tolist() == [1, 1, 1]
    assert np.isnan(np.diag(won.rates)).all()
    assert won.rates[1, 2] + won.rates[2, 1] == 1
    some = boards(6)
    some[0].rows.append(row("rare", 50, np.ones(20)))
    assert wins(some, SPEARMAN).scorers[:2] == ("rare", "good")  # type: ignore[union-attr] # shares, not numbers


def test_means_that_are_equal_in_arithmetic_are_ties() -> None:
    """Whatever their last bit, which the order of the sum decides."""

    def of(name: str, mean: float):
        made = row(name, 50, np.full(20, mean))
        path = ("spearman",)
        return replace(made, metrics={path: replace(made.metrics[path], mean=mean)})

    rows = [of("one", 0.95), of("other", np.nextafter(0.95, 1)), of("least", 0.9)]
    some = [replace(board(seed, EFFECTS, steps=(50,)), rows=rows) for seed in range(3)]
    found, won = across(some, SPEARMAN, 50), wins(some, SPEARMAN)
    assert found is not None
    assert won is not None
    assert found.average_ranks == {"one": 1.5, "other": 1.5, "least": 3}
    assert found.firsts == {"one": 3, "other": 3, "least": 0}
    assert won.rates[0, 1] == 0.5


def test_scorers_on_some_boards_only_take_no_part_and_are_named() -> None:
    some = boards(3)
    some[0].rows.append(row("rare", 50, np.linspace(0, 1, 20)))
    found = across(some, SPEARMAN, 50)
    assert found is not None
    assert found.left_out == ("rare",)
    assert "not on every board: rare" in overview(some)
    assert across(some, SPEARMAN, 7) is None


def test_below_the_floor_it_says_why_there_is_no_diagram(tmp_path: Path) -> None:
    text = overview(boards(7))
    assert "7 boards; 4 scorers need 8 boards before any difference can be significant (6 corrected" in text
    assert not list(draw(boards(7), tmp_path, kinds=["critical"]))


def test_with_boards_enough_it_says_who_is_told_apart() -> None:
    text = overview(boards(10))
    assert "10 boards; Friedman p < 0.0001; not told apart: " in text
    line = next(line for line in text.splitlines() if "- Step 50" in line)
    assert {"also_fair", "fair"} <= set(line.replace(",", "").replace(".", "").split())
    assert "good," not in line
    table = [line for line in text.split("Average rank:")[1].splitlines() if line.startswith("|")]
    assert table[2].startswith("| good ")


def test_best_predictors_say_how_many_are_tied_with_them() -> None:
    effects = {"good": 0.3, "as_good": 0.3, "poor": 0.0, "random": 0.0}
    assert "good 0.7" in (text := overview([board(3, effects)]))
    assert " =1 " in text
    assert " =1 " not in overview([board(3, EFFECTS)])
    one = board(3, EFFECTS, steps=(0,))
    one.rows.append(row("oracle", 0, np.ones(20)))
    assert best_of(one, SPEARMAN, 0).startswith("good ")


def test_below_the_floor_of_seeds_nothing_is_said_to_be_tied() -> None:
    """Six pairs need 8 seeds (docs/statistics.md): with 7 no scorer could have been told apart."""
    assert best_of(board(3, EFFECTS, seeds=7), SPEARMAN, 0).endswith(" (not tested)")
    assert not best_of(board(3, EFFECTS, seeds=8), SPEARMAN, 0).endswith(" (not tested)")


def test_steps_of_unlike_trainings_share_a_column_by_their_share_of_it() -> None:
    """Of 4,000 steps 40 are 1 %, and 41 are more."""
    some = [board(0, EFFECTS, steps=(0, 40)), board(1, EFFECTS, steps=(0, 10, 41))]
    table = overview(some).split("Best early predictor, by")[1].split("Average rank")[0]
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines() if "|" in line]
    assert lines[0] == ["board", "at the start", "0.1 to 1 %", "1 to 3 %"]
    by_name = {name: cells for name, *cells in lines[2:]}
    one, other = (by_name[each.name] for each in some)
    assert [one[0].split()[0], one[1].split(":")[0], one[2]] == ["good", "step 40", ""]
    assert [cell.split(":")[0] for cell in other[1:]] == ["step 10", "step 41"]


def test_what_costs_a_training_is_no_early_predictor() -> None:
    cost = {"gradient_steps": 0, "extra_gradient_steps": 4000, "seconds": 1.0}
    some = [board(1, EFFECTS), layered(2, EFFECTS)]
    for one in some:
        one.rows.append(row("dear", 0, np.full(20, 0.99), cost=cost))
    assert best_of(some[0], SPEARMAN, 0).startswith("good ")
    table = overview(some).split("## How early, on which network")[1].split("##")[0]
    assert "| good " in table
    assert "dear" not in table
    ranked = across(some, SPEARMAN, 0)
    assert ranked is not None
    assert "dear" in ranked.scorers, "average ranks are of all scorers"


def test_equal_boards_give_equal_overviews_whatever_their_order() -> None:
    some = boards(4)
    assert overview(some) == overview(some[::-1])


def test_diagrams_are_drawn_the_same_each_time_and_names_are_only_text(tmp_path: Path) -> None:
    files = []
    for name in ("one", "other"):
        files.append([*draw(boards(10), tmp_path / name, kinds=["critical"])])
    assert [path.name for path in files[0]][::2] == [
        "critical_difference_spearman_step50.png",
        "critical_difference_accuracy-prune_final-0-1_step50.png",
    ]
    assert [path.read_bytes() for path in files[0]] == [path.read_bytes() for path in files[1]]
    hostile = [board(i, {"$\\frac{": 0.2, "<b>": 0.1, "c": 0.0}, (0,)) for i in range(8)]
    svg = next(draw(hostile, tmp_path / "hostile", kinds=["critical"], formats=["svg"])).read_text()
    assert "&lt;b&gt;" in svg
    assert "$\\frac{" in svg


def test_rebuilding_makes_every_table_from_the_record_alone(tmp_path: Path) -> None:
    for one in boards(2):
        (tmp_path / f"{one.name}.json").write_text(one.to_json())
    files = rebuild(tmp_path)
    assert len(files) == 7
    texts = {path.name: path.read_bytes() for path in files}
    for path in files:
        if path.suffix in (".md", ".csv"):
            path.unlink()
    assert {path.name: path.read_bytes() for path in rebuild(tmp_path)} == texts


@pytest.mark.parametrize("marked", [True, False])
def test_rebuilding_keeps_what_people_wrote(tmp_path: Path, marked: bool) -> None:
    one, readme = board(), tmp_path / "README.md"
    (tmp_path / f"{one.name}.json").write_text(one.to_json())
    overviews = "<!-- overview -->\nof last week\n<!-- end of overview -->" if marked else ""
    readme.write_text(f"# Reading\n\nBy hand.\n\n{overviews}\n\nThe end.\n")
    assert (readme in rebuild(tmp_path)) is marked
    text = readme.read_text()
    assert text.startswith("# Reading\n\nBy hand.\n\n")
    assert text.endswith("\n\nThe end.\n")
    assert "of last week" not in text
    assert ("## The boards" in text) is marked
    assert rebuild(tmp_path)
    assert readme.read_text() == text


def test_how_early_on_which_network_is_a_table_of_scorers_and_networks() -> None:
    """Steps after the plateau, here at 30, are left out of it, and what sees the end."""
    some = [board(0, EFFECTS), layered(1, EFFECTS, (0, 10, 50)), layered(2, {"good": 0.3, "rare": 0.1}, (0,))]
    text = overview(some)
    table = text.split("## How early, on which network")[1].split("##")[0]
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines() if "|" in line]
    heads = {*(f"{head}: {at}" for head, at in zip(headings(some), ("0, 50", "0, 10", "0"), strict=True))}
    assert set(lines[0]) == {"scorer", *heads}
    assert len(heads) == 3
    assert lines[2][0] == "good"
    assert [line[0] for line in lines[-2:]] == ["rare", "random ‡"]
    assert [len(cell.split(",")) for cell in lines[2][1:]] == [
        len(h.split(":")[1].split(",")) for h in lines[0][1:]
    ]
    assert "| lenet, 6-16-120-84 units, 60,000 parameters " in text
    assert "| 300 neurons, init std 1e-05 " in text
    assert "How early" not in overview(boards(2))
    assert "How early" not in overview([layered(1, network=LENET)])


def test_not_told_apart_counts_all_that_the_ranks_leave_open() -> None:
    """Also a scorer without a mark: `fair` is not told apart from the best, nor from the worst."""
    draw = np.random.default_rng(0)
    base = draw.normal(0.5, 0.05, 20)
    some = board(0, {"random": -0.4}, steps=(0,))
    rows = [
        row("best", 0, base + 0.05),
        row("fair", 0, base + 0.02 + draw.normal(0, 0.1, 20)),
        row("poor", 0, base),
    ]
    ranks = {key[0]: str(interval) for key, interval in rank_rows(rows).items()}
    assert ranks == {"best": "1-2", "fair": "1-3", "poor": "2-3"}
    assert best_of(replace(some, rows=rows), SPEARMAN, 0).endswith(" =1")
    assert [mark for mark in marks(rows, SPEARMAN).values() if mark == FIRST] == [FIRST]
