"""Figures as a paper has them: of their width, no letter of a PDF on another or cut off."""

import json
import re
import struct
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pypdfium2
import pytest
from made_up_boards import board as rank_board
from made_up_boards import layered, row, summary
from page_boards import HOSTILE, board
from pypdfium2.raw import FPDF_PAGEOBJ_TEXT

from prunebench.errors import RequestError
from prunebench.leaderboard.board import Board
from prunebench.leaderboard.charts import KINDS, read_width
from prunebench.leaderboard.charts.figures import draw
from prunebench.leaderboard.charts.names import shortened
from prunebench.leaderboard.charts.specs import Look
from prunebench.leaderboard.styles import LIGHT, NAMED, SYMBOLS, style_of

BOARDS = sorted((Path(__file__).parents[2] / "leaderboards").glob("*.json"))
NAMES = {"standing", "cost", "cost_seconds", "kept_step0", "scatter_step0"}
LONG = [f"a_scorer_with_a_long_name[variant={i},temperature=200]" for i in range(20)]


def drawn(folder: Path, *boards: Board, **options: Any) -> dict[str, bytes]:
    folder.mkdir()
    return {str(path.relative_to(folder)): path.read_bytes() for path in draw(boards, folder, **options)}


def names(files: dict[str, bytes]) -> set[str]:
    return {Path(name).stem for name in files}


def test_every_chart_is_drawn_and_equal_boards_give_equal_bytes(tmp_path: Path) -> None:
    options: dict[str, Any] = {"formats": ("png", "svg", "pdf"), "width": 85.0}
    first = drawn(tmp_path / "a", board(steps=(0,)), **options)
    assert names(first) == NAMES
    again = drawn(tmp_path / "b", board(steps=(0,)), **options)
    assert again.keys() == first.keys()  # what writes PDF numbers its objects anew each time
    assert [name for name in first if again[name] != first[name] and not name.endswith("pdf")] == []
    assert all(len(content) > 5000 for content in first.values())
    for name, content in first.items():
        found = {
            ".pdf": rb"MediaBox *\[0 0 ([\d.]+)", ".svg": rb'width="([\d.]+)pt"', ".png": rb"IHDR(....)",
        }[Path(name).suffix]  # fmt: skip
        (width,) = re.search(found, content, re.DOTALL).groups()  # type: ignore[union-attr]
        points = int.from_bytes(width) * 72 / 300 if name.endswith("png") else float(width)
        assert points == pytest.approx(85 * 72 / 25.4, abs=0.5), name


def test_charts_steps_and_widths_are_chosen(tmp_path: Path) -> None:
    found = drawn(tmp_path / "a", board(), kinds=["kept"], steps=[50], formats=["pdf"])
    assert names(found) == {"kept_step50"}
    assert (read_width("85mm"), read_width("144pt")) == (85, 50.8)
    with pytest.raises(RequestError, match=r"width: got 'wide'; a number with mm, cm, in or pt"):
        read_width("wide")


def test_names_are_text_and_boards_without_an_example_have_no_scatter(tmp_path: Path) -> None:
    made = board(steps=(0,), scorers=(*HOSTILE, "$\\frac{", "日本"), example=False)
    figures = drawn(tmp_path / "a", made, formats=["svg"])
    assert names(figures) == NAMES - {"scatter_step0"}
    assert not any(b"<script" in content or b"<img" in content for content in figures.values())


def test_a_board_whose_scorers_all_failed_can_be_drawn(tmp_path: Path) -> None:
    failed = board(steps=(0,), example=False)
    failed.rows = [row for row in failed.rows if row.status != "ok"]
    assert drawn(tmp_path / "a", failed) == {}


def test_without_the_package_one_line_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    with pytest.raises(RequestError, match=r"pip install .prunebench\[figures\]"):
        list(draw([board()], tmp_path))


def test_the_ceiling_and_the_share_of_a_training_are_drawn_where_they_were_measured(tmp_path: Path) -> None:
    made = rank_board(effects={"good": 0.3, "random": 0.0})
    assert "cost_gradients" not in names(drawn(tmp_path / "a", made, kinds=["cost"], formats=["svg"]))
    values = np.full(20, 0.81)
    cost = {"gradient_steps": 0, "extra_gradient_steps": 0, "seconds": 0.01}
    made.rows += [row("twin", step, values, control=True) for step in (0, 50)]
    made.rows += [
        row("counted", step, values, cost=cost | {"sample_gradients": 800.0 + step}) for step in (0, 50)
    ]
    figures = drawn(tmp_path / "b", made, kinds=["time", "cost", "standing"], formats=["svg"])
    text = {Path(name).stem: content.decode() for name, content in figures.items()}
    assert "noise ceiling" in text["time"]
    assert "noise ceiling" not in text["cost"] + text["cost_gradients"] + text["standing"]
    assert "counted" in text["cost_gradients"]
    assert "good" not in text["cost_gradients"]
    assert "twin" not in "".join(text.values())


def two_truths() -> Board:
    made = rank_board(effects={"good": 0.3, "random": 0.0}, steps=(0,))
    truths = ("oracle", "oracle[truth=growth]")
    seen = {"name": "oracle", "sees_end": True, "control": True}
    made.rows += [row(scorer, 0, np.full(20, 0.9), **seen) for scorer in truths]
    return made


def test_of_controls_lines_are_the_norms(tmp_path: Path) -> None:
    made = two_truths()
    shares = {"0.1": summary(np.full(20, 0.5)), "0.5": summary(np.full(20, 0.6))}
    made.rows.append(row("fine", 0, np.full(20, 0.2), accuracy={"prune_final": shares}))
    figures = drawn(tmp_path / "a", made, kinds=["kept", "standing"], formats=["svg"])
    text = {Path(name).stem: content.decode() for name, content in figures.items()}
    assert "oracle[truth=growth]" in text["standing"]
    assert "oracle[truth=growth]" not in text["kept_step0"]
    symbols = re.findall(r'<g class="mark-symbol role-mark[^>]*>(.*?)</g>', text["kept_step0"], re.DOTALL)
    assert "".join(symbols).count(f'stroke="{Look().ink}"') == 1, (
        "the oracle has one share, which a line does not show"
    )


def test_of_one_share_every_scorer_has_a_row_of_its_own(tmp_path: Path) -> None:
    (content,) = drawn(tmp_path / "a", two_truths(), kinds=["kept"], formats=["svg"]).values()
    texts = re.findall(r"<(?:text|tspan)[^>]*>([^<]+)</t", content.decode())
    for name in ("good", "random", "oracle", "oracle[truth=growth]"):
        assert texts.count(name) == 1
    assert any("10 % kept" in text for text in texts)
    assert "accuracy, %, step 0" in texts


def test_long_names_are_cut_and_stay_different() -> None:
    labels = shortened([*LONG, "snip", "torch_pruning[importance=Hessian]", "a\nb"])
    assert len(set(labels.values())) == len(labels)
    assert max(map(len, labels.values())) <= 26
    assert labels["torch_pruning[importance=Hessian]"] == "torch_prunin…ance=Hessian]"
    assert (labels["snip"], labels["a\nb"]) == ("snip", "a b")
    two = [f"{'x' * 40}[a={one},{'y' * 30}={other}]" for one in (1, 2) for other in (1, 2)]
    assert len(set(shortened(two).values())) == 4, "whole, where they differ at two places"


def test_every_line_is_named_once(tmp_path: Path) -> None:
    made_up = {"good": 0.3, LONG[3]: 0.2, LONG[4]: 0.1, "random": 0.0}
    made = rank_board(effects=made_up)
    figures = drawn(tmp_path / "a", made, formats=["svg"])
    assert names(figures) >= {"standing", "cost", "time", "kept_alone_step50"}
    for name, content in figures.items():
        texts = re.findall(r"<text[^>]*>([^<]*)</text>", content.decode())
        for shown in ("good", "random", shortened(made_up)[LONG[3]]):
            assert texts.count(shown) == 1, (name, shown)


def test_a_scorer_has_one_style_and_known_ones_share_none() -> None:
    assert len({style_of(name) for name in NAMED}) == len(NAMED)
    known = {style_of(name) for name in NAMED}
    others = {style_of(name) for name in LONG}
    assert not known & others
    assert len(others) > 12
    assert all(style.colour < len(LIGHT) and style.symbol < len(SYMBOLS) for style in known | others)


def complaints(figures: dict[str, bytes]) -> str:
    """Which letters of PDFs stand on each other, and which leave their page."""
    found = []
    for name, content in figures.items():
        with pypdfium2.PdfDocument(content) as document:
            page = document[0]
            letters = page.get_objects([FPDF_PAGEOBJ_TEXT], max_depth=30, textpage=page.get_textpage())
            placed = [(letter.extract(), letter.get_bounds(), letter.get_matrix()) for letter in letters]
            assert len(placed) > 50, name
            low, high = np.array([box for _, box, _ in placed]).reshape(-1, 2, 2).transpose(1, 0, 2)
            beyond = ((low < -0.5) | (high > np.array(page.get_size()) + 0.5)).any(axis=1)
            found += [f"{name}: {placed[i][0]} at {low[i]} is cut off" for i in np.flatnonzero(beyond)]
            # What is slanted may lie in another's box beside it.
            upright = np.array([abs(matrix.a * matrix.b) for _, _, matrix in placed]) < 1e-6
            shared = np.minimum(high[:, None], high) - np.maximum(low[:, None], low)
            both = np.argwhere(np.triu((shared > 0.6).all(axis=2) & np.outer(upright, upright), 1))
            found += [f"{name}: {placed[i][0]} on {placed[j][0]} at {low[i]}" for i, j in both]
    return "\n".join(found)


@pytest.mark.parametrize("width", [85.0, 173.0])
def test_no_text_is_on_another_or_cut_off(tmp_path: Path, width: float) -> None:
    effects = {name: place / 40 for place, name in enumerate(LONG)} | {"random": 0.0}
    deep = {f"stage{i}.block.conv": 8 for i in range(12)}
    board = layered(9, effects, steps=(0, 50), layers=deep)
    figures = drawn(tmp_path / "a", board, formats=["pdf"], width=width, steps=[0])
    assert {"layers_step0", "scatter_step0", "time"} < names(figures)
    assert complaints(figures) == ""


def test_critical_differences_of_twenty_long_names_can_be_read(tmp_path: Path) -> None:
    effects = {name: place / 40 for place, name in enumerate(LONG)}
    boards = [rank_board(seed, effects, steps=(0,)) for seed in range(14)]
    figures = drawn(tmp_path / "a", *boards, formats=["pdf"], width=85.0, kinds=["critical"])
    assert len(figures) == 2
    assert complaints(figures) == ""


def test_a_metric_is_plotted_in_notebooks_and_files(tmp_path: Path) -> None:
    effects = {name: place / 40 for place, name in enumerate(LONG)} | {"random": 0.0}
    made = rank_board(effects=effects, steps=(0, 50))
    chart = made.plot()
    assert repr(chart) == "<Chart: Spearman correlation with the final norms, 42 points>"
    bundle = chart._repr_mimebundle_()
    assert bundle["text/plain"] == repr(chart)
    assert bundle["application/vnd.vegalite.v6+json"] is chart.spec
    assert all(text in bundle["image/svg+xml"] for text in ("step 0", "step 50", "random"))
    assert json.loads(chart.save(tmp_path / "a.json").read_text()) == chart.spec
    wide, high = (
        float(size) for size in re.findall(r'(?:width|height)="([\d.]+)"', bundle["image/svg+xml"])[:2]
    )
    png = chart.save(tmp_path / "a.png").read_bytes()
    assert png.startswith(b"\x89PNG")
    assert struct.unpack(">II", png[16:24]) == pytest.approx((wide * 300 / 72, high * 300 / 72), abs=2)
    shares = made.plot("pruned to 10 %", step=50)
    files = {"all.pdf": chart, "one.pdf": shares, "wide.pdf": made.plot("kendall")}
    assert complaints({name: each.save(tmp_path / name).read_bytes() for name, each in files.items()}) == ""
    of_a_column = {name: each.save(tmp_path / name, "85mm").read_bytes() for name, each in files.items()}
    assert b'width="240.94pt"' in chart.save(tmp_path / "a.svg", "85mm").read_bytes()
    assert complaints(of_a_column) == ""
    assert chart.save(tmp_path / "b.json", "85mm").read_bytes() == (tmp_path / "a.json").read_bytes()
    best, *_ = shares.spec["datasets"]["points"]
    (of,) = [each for each in made.rows if (each.scorer, each.at_step) == (best["scorer"], 50)]
    assert best["middle"] == 100 * of.metrics["accuracy", "prune_final", "0.1"].middle[0]
    assert {point["step"] for point in shares.spec["datasets"]["points"]} == {50}


def test_what_cannot_be_plotted_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = rank_board()
    with pytest.raises(RequestError, match="metric: got 'kendal'; did you mean 'kendall'"):
        made.plot("kendal")
    with pytest.raises(RequestError, match="step: got 7; steps here: 0, 50"):
        made.plot("kendall", 7)
    with pytest.raises(RequestError, match=r"path: got '.*a\.gif'; a file that ends in \.json, \.png"):
        made.plot().save(tmp_path / "a.gif")
    for path, width in (("a.pdf", "wide"), ("a.json", "wide"), ("a.svg", 85)):
        with pytest.raises(RequestError, match=r"^width: got"):
            made.plot().save(tmp_path / path, width)
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    assert "image/svg+xml" not in made.plot()._repr_mimebundle_()
    made.plot().save(tmp_path / "a.json")
    with pytest.raises(RequestError, match=r"pip install .prunebench\[figures\]"):
        made.plot().save(tmp_path / "a.pdf")


@pytest.mark.slow
@pytest.mark.parametrize("path", BOARDS, ids=lambda path: path.stem)
@pytest.mark.parametrize("width", [85.0, 173.0])
def test_no_text_of_the_published_boards_is_on_another(tmp_path: Path, path: Path, width: float) -> None:
    figures = drawn(tmp_path / "a", Board.read(path), formats=["pdf"], width=width, kinds=KINDS)
    assert len(figures) > 5
    assert complaints(figures) == ""
