import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_up_boards import LENET, board, layered, row

import prunebench as pb
from prunebench.leaderboard.folder import find_boards
from prunebench.leaderboard.locations import OWN as BOARDS
from prunebench.leaderboard.pairs import compare_boards, compare_scorers


@pytest.fixture
def boards(folder: Path) -> list[Path]:
    """Two boards of 7 seeds whose init differs; `taylor` stands on three of the seeds of one."""
    (folder / BOARDS).mkdir(parents=True)
    effects = {"snip": 0.3, "alignment": 0.25, "random": 0.0, "oracle": 0.5}
    for number, std in enumerate((0.05, 0.1)):
        one = board(number, effects, steps=(0, 10), seeds=7, fingerprint="f", init_std=std)
        if number:
            one.rows.append(row("taylor", 10, np.linspace(0.1, 0.2, 3), seeds=[4, 5, 6]))
        (folder / BOARDS / f"{one.name}.json").write_text(one.to_json())
    return sorted((folder / BOARDS).glob("*.json"))


def values(path: Path, scorer: str, step: int) -> np.ndarray:
    rows = json.loads(path.read_text())["rows"]
    found = next(row for row in rows if (row["scorer"], row["at_step"]) == (scorer, step))
    return np.array(found["spearman"]["per_seed"])


def test_two_scorers_on_all_boards(prunebench: Any, boards: list[Path]) -> None:
    result = prunebench("compare", "snip", "alignment")
    assert result.code == 0
    for path in boards:
        assert path.stem in result.out
        for step in (0, 10):
            effect = (values(path, "snip", step) - values(path, "alignment", step)).mean()
            assert f"{effect:+z.3f} [" in result.out
    assert "Of 4 comparisons A is better in" in result.out
    assert "Holm-corrected over these 4" in result.out
    assert "4 corrected comparisons need 8 seeds" in result.out
    assert "too few seeds (7)" in result.out


def test_all_pairs_that_are_shown_are_corrected_together(boards: list[Path]) -> None:
    """By Holm: of four pairs as sure as seven seeds can be, each p is four times what it is alone."""
    found = [pb.read_board(path) for path in boards]
    four, two = (compare_scorers(found, "snip", "random", ["spearman"], step) for step in (None, 10))
    assert [pair.p for pair in four.pairs] == pytest.approx([4 * 2 / 2**7] * 4)
    assert [pair.p for pair in two.pairs] == pytest.approx([2 * 2 / 2**7] * 2)
    assert [pair.too_few(4) for pair in four.pairs] == [True] * 4
    assert [pair.too_few(3) for pair in four.pairs] == [False] * 4


def test_of_two_without_a_common_seed_the_second_is_named(boards: list[Path]) -> None:
    first, second = (pb.read_board(path) for path in boards)
    for each in second.rows:
        each.seeds[:] = [seed + 100 for seed in each.seeds]
    with pytest.raises(pb.RequestError, match=f"second: got '{second.name}'; .*no common seeds"):
        pb.compare(first, second)


def test_a_step_of_its_own_and_one_for_both(boards: list[Path]) -> None:
    one = pb.read_board(boards[0])
    with pytest.raises(pb.RequestError, match="at_step: got 7; steps with results of both"):
        pb.compare("snip@0", "snip", one, at_step=7)
    assert [pair.at for pair in pb.compare("snip@0", "snip", one).pairs] == ["0 / 10"]


@pytest.mark.parametrize(
    ("metric", "said"),
    [("spearman", "better"), ("spearman_shuffled_labels", "larger"), ("share_of_ceiling", "better")],
)
def test_more_of_a_control_is_not_called_better(
    prunebench: Any, folder: Path, metric: str, said: str
) -> None:
    one = board(0, {"snip": 0.6, "taylor": 0.1}, steps=(0,), seeds=8)
    for each in one.rows:
        each.metrics["spearman_shuffled_labels",] = each.metrics["spearman",]
    one.rows.append(row("twin", 0, np.linspace(0.9, 0.95, 8), seeds=list(range(8))))
    (folder / BOARDS).mkdir(parents=True)
    (folder / BOARDS / f"{one.name}.json").write_text(one.to_json())
    result = prunebench("compare", "snip", "taylor", "--metric", metric)
    assert f"A is {said}" in result.out
    assert f"snip is {said}" in result.out
    found = compare_scorers([one], "snip", "taylor", [metric], None)
    assert found.records[0]["better"] == ("snip" if said == "better" else None)


def test_two_boards_at_one_step(boards: list[Path]) -> None:
    first, second = (pb.read_board(path) for path in boards)
    assert {pair.at for pair in compare_boards(first, second, ["spearman"], 10).pairs} == {"10"}
    assert {pair.at for pair in compare_boards(first, second, ["spearman"], None).pairs} == {"0", "10"}


def test_one_pair_has_its_verdict_in_words(prunebench: Any, boards: list[Path]) -> None:
    result = prunebench("compare", "snip@10", "random@0", "--board", boards[0].stem)
    assert result.code == 0
    assert "10 / 0" in result.out
    assert "snip@10 is better: +" in result.out
    assert "0.0156" in result.out  # the least that 7 seeds can give: 2/2^7
    assert "Holm" not in result.out


def test_metric_and_step_can_be_chosen(prunebench: Any, boards: list[Path]) -> None:
    metrics = ["--metric", "kendall", "--metric", "accuracy.prune_final.0.1"]
    result = prunebench("compare", "snip", "alignment", "--at-step", "10", *metrics)
    assert result.code == 0
    assert "accuracy.prune_final.0.1" in result.out
    assert " · +" in result.out
    assert (
        "Accuracies: after the point the median of the differences with its exact 95 % interval."
        in result.out
    )
    assert "Of 4 comparisons" in result.out
    assert "differences in points" in result.out


def test_of_accuracies_the_interval_is_the_medians(prunebench: Any, boards: list[Path]) -> None:
    metrics = ["--metric", "kendall", "--metric", "accuracy.prune_final.0.1"]
    chosen = ("compare", "snip", "alignment", "--at-step", "10", "--board", boards[0].stem, *metrics)
    of_ranks, of_accuracy = json.loads(prunebench(*chosen, "--json").out)["comparisons"]
    assert of_ranks["low"] < of_ranks["difference"] < of_ranks["high"]
    medians = ("median", "median_low", "median_high")
    assert [of_ranks[name] for name in medians] == [None] * 3
    assert (of_accuracy["low"], of_accuracy["high"]) == (None, None)
    median, low, high = (of_accuracy[name] for name in medians)
    assert low <= median <= high
    (board,) = find_boards(boards[0].parent, boards[0].stem)[0]
    shown = compare_scorers([board], "snip", "alignment", ["kendall"], 10)._repr_html_()
    assert "<th>low</th>" in shown
    assert "median" not in shown, "a column with nothing in it"


def test_other_seeds_are_reduced_to_common_ones_and_it_is_said(prunebench: Any, boards: list[Path]) -> None:
    result = prunebench("compare", "taylor", "snip")
    assert result.code == 0
    assert "on the 3 common seeds of 3 and 7" in result.out
    assert "A comparison needs 6 seeds" in result.out


def test_two_boards(prunebench: Any, boards: list[Path]) -> None:
    result = prunebench("compare", *boards)
    assert result.code == 0
    assert "The boards differ in init_std: 0.05 and 0.1." in result.out
    effect = (values(boards[0], "snip", 10) - values(boards[1], "snip", 10)).mean()
    assert f"{effect:+z.3f} [" in result.out
    assert "oracle" not in result.out
    assert prunebench("compare", boards[0].stem, boards[1].stem).out == result.out


def test_without_common_seeds_nothing_is_compared(prunebench: Any, boards: list[Path]) -> None:
    record = json.loads(boards[1].read_text())
    for found in record["rows"]:
        if found["scorer"] == "snip":
            found["seeds"] = list(range(20, 27))
    boards[1].write_text(json.dumps(record))
    result = prunebench("compare", "snip", "alignment", "--at-step", "0", "--board", boards[1].stem)
    assert result.code == 2
    assert "no common seeds" in result.err
    assert len(result.err.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["snp", "alignment"], ["A:", "did you mean 'snip'"]),
        (["snip", "alignmnt"], ["B:", "did you mean 'alignment'"]),
        (["snip", "alignment", "--metric", "spearmn"], ["--metric", "did you mean 'spearman'"]),
        (["snip", "snip"], ["B: got 'snip'", "another scorer"]),
        (["snip", "taylor", "--at-step", "0"], ["--at-step: got 0", "steps with results of both: 10"]),
        (["snip@0", "taylor@0"], ["B: got 'taylor@0'", "no board"]),
        (["snip", "alignment", "--at-step", "7"], ["--at-step: got 7", "steps with results of both"]),
        (["snip", "alignment", "--board", "digits"], ["board", "digits"]),
        (["nothing.json", "snip"], ["nothing.json", "no such file"]),
        (["BOARD", "snip"], ["two scorers or two boards"]),
    ],
)
def test_bad_requests_are_one_line(
    prunebench: Any, boards: list[Path], arguments: list[str], words: list[str]
) -> None:
    result = prunebench("compare", *(str(boards[0]) if word == "BOARD" else word for word in arguments))
    assert (result.code, result.out) == (2, "")
    assert len(result.err.strip().splitlines()) == 1
    assert all(word in result.err for word in words)


def test_boards_of_two_evaluators_are_not_compared(prunebench: Any, boards: list[Path]) -> None:
    record = json.loads(boards[0].read_text()) | {"evaluator": "0"}
    boards[0].write_text(json.dumps(record))
    result = prunebench("compare", *boards)
    assert result.code == 2
    assert "evaluator" in result.err


def test_names_are_never_markup(prunebench: Any, boards: list[Path]) -> None:
    record = json.loads(boards[0].read_text())
    record["rows"] = [row | {"scorer": "x[bold]y"} for row in record["rows"] if row["scorer"] == "snip"]
    (boards[0].parent / "hostile.json").write_text(json.dumps(record))
    result = prunebench("compare", boards[0].parent / "hostile.json", boards[0].parent / "hostile.json")
    assert "x[bold]y" in result.out
    assert len(find_boards(boards[0].parent)[0]) == 3


def test_networks_of_two_kinds_are_named_and_their_seeds_are_not_the_same(
    prunebench: Any, tmp_path: Path
) -> None:
    paths = []
    for name in ("lenet", "mlp[widths=20-10]"):
        one = layered(network=LENET | {"spec": name})
        paths.append(tmp_path / f"{one.name}.json")
        paths[-1].write_text(one.to_json())
    result = prunebench("compare", *paths)
    assert result.code == 0
    said = " ".join(result.out.split())
    assert "The boards differ in network: lenet and mlp[widths=20-10]." in said
    assert "None" not in said
    assert "share nothing but the number of their seed" in said
    scorers = prunebench("compare", "good", "fair", "--metric", "spearman_by_layer.fc1", "--out", tmp_path)
    assert scorers.out.count("A is better") >= 2
