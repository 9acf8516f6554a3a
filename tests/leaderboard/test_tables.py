import csv
import io
import json
import random
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import Any

import numpy as np
import pytest
from made_up_boards import SHARES, board, layered, row, with_metric
from msgspec import to_builtins
from msgspec.structs import replace
from rich.console import Console

from prunebench.escape import for_latex
from prunebench.evaluation.protocols import PROTOCOLS
from prunebench.evaluation.statistics import summarise
from prunebench.leaderboard.board import Board
from prunebench.leaderboard.columns import PRUNING
from prunebench.leaderboard.latex import latex
from prunebench.leaderboard.metric_names import columns_called
from prunebench.leaderboard.terminal import render
from prunebench.leaderboard.text import markdown, to_csv
from prunebench.results import Row, TaskRecord, Training, read_recipe

HOSTILE = r"a_b $x^2$ 100% #1 & {c} \input{/etc/passwd} ~ <i>|" "" + '"† größe 中'


def shuffled(value: Any, draw: random.Random) -> Any:
    """The same record with the keys of all its tables in another order."""
    if isinstance(value, dict):
        keys = list(value)
        draw.shuffle(keys)
        return {key: shuffled(value[key], draw) for key in keys}
    return [shuffled(part, draw) for part in value] if isinstance(value, list) else value


def every_text(one: Board) -> list[str]:
    return [one.to_json(), markdown(one), to_csv(one), latex(one)]


@pytest.mark.parametrize("made", [board, layered])
@pytest.mark.parametrize("seed", range(2))
def test_equal_records_give_equal_bytes_whatever_their_order(
    made: Callable[..., Board], seed: int, tmp_path: Path
) -> None:
    one, draw = made(effects={"good": 0.3, "random": 0.0}), random.Random(seed)
    rows, texts = list(one.rows), every_text(one)
    draw.shuffle(rows)
    other = Board(
        TaskRecord.read(shuffled(one.task.record, draw)),
        read_recipe(shuffled(one.recipe.record, draw)),
        Training.read(shuffled(one.training.content(), draw), "training"),
        shuffled(one.environment, draw),
        one.evaluator,
        [Row.read(shuffled(each.content(), draw), "row") for each in rows],
    )
    assert every_text(other) == texts
    (tmp_path / "board.json").write_text(one.to_json())
    assert every_text(Board.read(tmp_path / "board.json")) == texts


def test_the_record_has_a_summary_on_a_line_and_old_ones_can_be_read(tmp_path: Path) -> None:
    one = board()
    lines = one.to_json().splitlines()
    assert sum('"per_seed": [' in line and line.rstrip(",").endswith("]}") for line in lines) == sum(
        line.count('"per_seed"') for line in lines
    )
    assert json.loads(one.to_json())["rows"][0]["spearman"] == to_builtins(one.rows[0].spearman)
    old = tmp_path / "old.json"
    old.write_text(json.dumps(json.loads(one.to_json()), indent=1))
    assert Board.read(old).to_json() == one.to_json()


def test_every_row_has_its_command_in_every_text() -> None:
    one = board()
    commands = [r.command for r in one.rows]
    assert len(set(commands)) == len(commands) == 8
    listed = list(csv.DictReader(io.StringIO(to_csv(one))))
    assert sorted(line["command"] for line in listed) == sorted(commands)
    text = markdown(one)
    assert all(f"    {command}\n" in text for command in commands)


def test_marks_bands_and_ranks_are_shown_and_explained() -> None:
    text = markdown(board(effects={"good": 0.3, "fair": 0.1, "poor": 0.0, "random": 0.0}))
    good, poor = (
        next(line for line in text.splitlines() if f"| {name} " in line) for name in ("good", "poor")
    )
    assert "]*" in good
    assert "]°" in poor
    assert "* first" in text
    assert "° not significantly better than random" in text
    assert "A rank such as 3-5 is an interval" in text
    assert "Random scores reach a Spearman correlation of -0.04 to 0.03 (the means of 10 draws" in text


def test_ranks_in_csv_are_two_numbers_that_no_spreadsheet_reads_as_a_date() -> None:
    lines = list(csv.DictReader(io.StringIO(to_csv(board()))))
    fair = next(line for line in lines if line["scorer"] == "fair")
    assert (fair["rank_first"], fair["rank_last"]) == ("2", "3")


def test_no_number_is_a_negative_zero_and_no_cell_is_nan() -> None:
    one = board(effects={"good": 0.2})
    one.rows[0] = with_metric(one.rows[0], "spearman", mean=-0.0001, low=-0.001, high=0.001)
    one.rows[1] = with_metric(one.rows[1], "spearman", mean=0.5, low=None, high=None, per_seed=[0.5] * 20)
    for text in every_text(one)[1:]:
        assert "-0.00 " not in text
        assert "nan" not in text.lower()
        assert "None" not in text
    assert "0.00 [0.00, 0.00]" in markdown(one)


def test_accuracies_are_shown_with_their_median_and_its_interval() -> None:
    """A network in twenty that collapsed moves the mean out of every interval of the others."""
    one = board()
    values = np.append(np.linspace(0.95, 0.969, 19), 0.5)
    path = ("accuracy", "prune_final", "0.1")
    one.rows[0] = replace(one.rows[0], metrics=one.rows[0].metrics | summarise({path: values}))
    (column,) = columns_called([one], ["accuracy.prune_final.0.1"])
    assert column.cell(one.rows[0]) == "93.7 · 95.9 [95.4, 96.4]"
    assert r" \cdot 95.9_{95.4}^{96.4}$" in latex(one)
    lines = list(csv.DictReader(io.StringIO(to_csv(one))))
    line = next(x for x in lines if (x["scorer"], x["at_step"]) == (one.rows[0].scorer, "0"))
    assert "accuracy_prune_final_0.1_low" not in line
    name = "accuracy_prune_final_0.1"
    numbers = [float(line[f"{name}{part}"]) for part in ("", "_median", "_median_low", "_median_high")]
    assert numbers == pytest.approx([0.93653, 0.95897, 0.95422, 0.96372], abs=1e-4)


def test_latex_escapes_everything_that_is_special() -> None:
    escaped = for_latex(HOSTILE)
    assert r"\textbackslash{}input\{/etc/passwd\}" in escaped
    assert r"a\_b \$x\textasciicircum{}2\$ 100\% \#1 \& \{c\}" in escaped
    assert r"\textasciitilde{} \textless{}i\textgreater{}\textbar{}" in escaped
    assert r"\textdagger{} größe [U+4E2D]" in escaped


def test_latex_says_of_how_many_seeds_and_what_they_cannot_tell() -> None:
    one = board(seeds=5)
    one.rows.append(row("late", 50, np.linspace(0.1, 0.2, 4)))
    text = latex(one)
    assert "Mean over 4 or 5 seeds." in text
    assert "5 seeds cannot separate" in text
    assert "cannot separate" not in latex(board())
    assert "Mean over 20 seeds." in latex(board())


@pytest.mark.parametrize(("made", "tables"), [(board, 2), (layered, 13)])
def test_latex_tables_have_as_many_cells_in_every_row(made: Callable[[], Board], tables: int) -> None:
    one = made()
    one.rows.append(row(HOSTILE, 50, np.linspace(0, 1, 20)))
    bodies = [part.split(r"\end{tabular}")[0] for part in latex(one).split(r"\toprule")[1:]]
    assert len(bodies) == tables
    for body in bodies:
        lines = [line.replace(r"\&", "") for line in body.splitlines() if line.endswith(r"\\")]
        assert len(lines) in (9, 10)
        assert len({line.count("&") for line in lines}) == 1
    assert r"$\mathbf{0." in latex(one)


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_latex_compiles(tmp_path: Path) -> None:
    one = board()
    one.rows.append(row(HOSTILE, 50, np.linspace(0, 1, 20)))
    (tmp_path / "board.tex").write_text(latex(one))
    packages = r"\usepackage[T1]{fontenc}\usepackage{textcomp}\usepackage{booktabs}"
    document = rf"\documentclass{{article}}{packages}\begin{{document}}\input{{board}}\end{{document}}"
    (tmp_path / "paper.tex").write_text(document)
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:]


def on_terminal(one: Board, width: int) -> str:
    console = Console(width=width, highlight=False)
    with console.capture() as capture:
        console.print(render(one))
    return capture.get()


def titles(text: str, section: str) -> list[str]:
    """The headings of the columns of a section in Markdown."""
    table = text.split(f"## {section}\n")[1].split("\n|")[1]
    return [cell.strip() for cell in table.strip("|").split("|")]


def test_a_layered_board_says_what_was_trained_and_what_is_left_of_it() -> None:
    text = markdown(layered())
    assert text.startswith(
        "# mnist5k, 10 classes, 800 samples: lenet, 6-16-120-84 units, 60,000 parameters\n"
    )
    assert "- layers: conv1 (6), conv2 (16), fc1 (120), fc2 (84)\n" in text
    assert "kept: 80 %: 64 / 80, 65 %: 42 / 65, 50 %: 25 / 50, 35 %: 12 / 35, 20 %: 4 / 20\n" in text
    assert titles(text, "Pruned at the end: test accuracy")[3:6] == [
        "80 % (64 / 80)",
        "65 % (42 / 65)",
        "50 % (25 / 50)",
    ]
    line = next(csv.DictReader(io.StringIO(to_csv(layered()))))
    assert (line["parameters_at_0.5"], line["multiply_adds_at_0.5"]) == ("15000", "200000")
    assert (line["task_samples"], line["task_outputs"], line["recipe_network"]) == ("800", "10", "lenet")
    assert "recipe_width" not in line
    line = next(csv.DictReader(io.StringIO(to_csv(board()))))
    assert (line["recipe_width"], line["recipe_steps"]) == ("300", str(board().recipe.steps))
    assert line["task_name"] == board().task.name


def test_a_layered_board_has_every_layer_and_no_column_that_means_nothing_there() -> None:
    text = markdown(layered())
    assert titles(text, "Prediction of the final norms")[3:6] == ["Spearman", "over layers", "Kendall"]
    assert "within groups" not in text
    assert "groups at cosine" not in text
    layers = ["conv1 (6)", "conv2 (16)", "fc1 (120)", "fc2 (84)"]
    assert titles(text, "Prediction layer by layer") == ["step", "rank", "scorer", *layers, "seeds"]
    assert "chance alone scatters it by 0.45 a network in conv1" in text
    assert "over layers" not in markdown(board())


def test_a_threshold_over_all_layers_stands_beside_its_shuffled_control() -> None:
    text = markdown(layered())
    columns = titles(text, "Pruned over all layers: test accuracy")[3:-1]
    assert columns == [title for share in SHARES for title in (f"{100 * float(share):g} %", "shuffled")]
    assert titles(text, "Pruned over all layers: parameters left")[3] == "80 %"
    body = text.split("## Pruned over all layers: parameters left")[1].split("##")[0]
    assert "*" not in body, "more parameters are no better"


def test_a_scorer_that_cannot_take_the_network_is_listed_and_has_no_rank() -> None:
    one = layered()
    assert "- stable_cells: it needs the shallow network\n" in markdown(one)
    assert "## Failed" not in markdown(one)
    assert "not for this network or task: stable_cells: it needs the shallow network" in on_terminal(one, 185)
    assert "│ stable_cells" not in on_terminal(one, 185)
    listed = {line["scorer"]: line for line in csv.DictReader(io.StringIO(to_csv(one)))}
    assert (listed["stable_cells"]["status"], listed["stable_cells"]["rank_first"]) == ("unfit", "")


@pytest.mark.parametrize("width", [80, 100, 185])
@pytest.mark.parametrize("depth", [4, 40])
def test_the_terminal_shows_every_layer_in_its_width(width: int, depth: int) -> None:
    layers = {f"stage{i // 10}.block{i % 10}.conv": 16 for i in range(depth)}
    lines = on_terminal(layered(layers=layers), width).splitlines()
    assert max(map(len, lines)) <= width
    assert sum(line.count("(16)") for line in lines if line.startswith("┃")) == depth


@pytest.mark.parametrize(("width", "wide"), [(62, False), (185, True)])
def test_notes_are_of_what_the_terminal_has_room_for(width: int, wide: bool) -> None:
    """Here accuracies go where it is narrow. Two scorers that do not differ have neither `*` nor `°`."""
    text = " ".join(on_terminal(board(effects={"one": 0.0, "other": 0.0}), width).split())
    assert ("pruned to 10 %" in text.split("┡")[0]) is wide
    assert [words in text for words in ("Accuracies: the mean", "Accuracy: on the test set")] == [wide] * 2
    assert "Mean over seeds with its 95 % interval" in text
    assert not any(note in text for note in ("‡", "†", "* first", "° not", "Shuffled labels", "Cost:"))


def test_latex_of_some_rows_and_columns_is_one_table_with_its_own_notes() -> None:
    one = board()
    (column,) = columns_called([one], ["spearman"])
    rows = [each for each in one.rows if each.key in {("good", 50), ("fair", 50)}]
    text = latex(one, rows, [column])
    assert text.count(r"\begin{table}") == 1
    body = text.split(r"\toprule")[1].split(r"\bottomrule")[0]
    assert [line.split(" & ")[:3] for line in body.splitlines() if line.endswith(r"\\")] == [
        ["step", "rank", "scorer"],
        ["50", "1", "good"],
        ["50", "2--3", "fair"],
    ]
    caption = next(line for line in text.splitlines() if line.startswith(r"\caption"))
    assert "Bold" in caption
    assert not any(note in caption for note in ("Accuracies", "textdagger", "textdegree", "labels"))


def test_names_of_layers_are_only_text() -> None:
    one = layered(layers={"[red]<b>|x`": 6, HOSTILE: 7})
    assert "<b>" not in markdown(one)
    assert "\\|x" in markdown(one)
    assert "[red]<b>|x`" in on_terminal(one, 185)
    assert r"\input\{" not in latex(one)


def test_every_protocol_that_keeps_a_share_has_a_title() -> None:
    assert set(PRUNING) == set(PROTOCOLS) - {"rank", "labels", "ceiling", "truths"}


def test_every_board_says_how_to_cite_it() -> None:
    made = {"utc": "2026-05-04T03:02:01+00:00", "prunebench": "1.2"}
    one = board()
    one = replace(one, rows=[*one.rows[1:], replace(one.rows[0], environment=made)])
    entry = one.citation
    assert entry.startswith(f"@misc{{prunebench-{one.name.replace('_', '-').replace('.', '-')},\n")
    assert "  year = {2026},\n" in entry
    assert f"Board {for_latex(one.name)} of prunebench 1.2}}" in entry
    assert entry.count("{") == entry.count("}")
    for text in (
        json.loads(one.to_json())["citation"],
        dedent(markdown(one).partition("## How to cite\n\n")[2]),
    ):
        assert text == entry
    assert "year" not in board().citation  # nobody knows when it was made


def test_no_layers_name_gives_two_columns_of_a_file_one_name() -> None:
    """Nor is a name that needs no care another one than it was."""
    head = to_csv(layered(layers={"conv": 6, "conv_low": 16})).splitlines()[0].split(",")
    assert len(set(head)) == len(head)
    assert [name for name in head if "by_layer" in name] == [
        *("spearman_by_layer_conv", "spearman_by_layer_conv_low", "spearman_by_layer_conv_high"),
        *("spearman_by_layer_conv_low_mean", "spearman_by_layer_conv_low_low"),
        "spearman_by_layer_conv_low_high",
    ]


def test_a_notebooks_table_of_failures_says_why() -> None:
    one = board(effects={"a": 0.1}, steps=(0,))
    failed = replace(one.rows[0], status="failed", error="out of <ideas>", metrics={})
    text = replace(one, rows=[failed]).to_html()
    assert "<td>failed: out of &lt;ideas&gt;</td>" in text
    assert text.count("<th>") == text.count("<td>")
