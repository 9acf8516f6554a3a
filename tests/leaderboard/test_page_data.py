import base64
import gzip
import hashlib
import json
import re
import tomllib
from decimal import ROUND_HALF_UP, Decimal
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_up_boards import board as made_up
from made_up_boards import layered
from made_up_boards import row as made_up_row
from msgspec.structs import replace
from page_boards import HOSTILE, board

import prunebench
from prunebench.evaluation.statistics import summarise
from prunebench.leaderboard.board import Board
from prunebench.leaderboard.chart_data import ChartBoard
from prunebench.leaderboard.column import Column
from prunebench.leaderboard.page import to_html
from prunebench.leaderboard.page_data import _as_shown, page_data
from prunebench.leaderboard.styles import DARK, LIGHT, SYMBOLS, style_of

ROOT = Path(prunebench.__file__).parents[1]
ASSETS = ROOT / "prunebench/leaderboard/assets"


def embedded(html: str) -> str:
    """What stands in the page for its data."""
    found = re.search(r'<script type="application/gzip" id="data">(.*?)</script>', html, re.S)
    assert found
    return found[1]


def data_of(html: str) -> Any:
    """The page's data, read as the page does."""
    return json.loads(gzip.decompress(base64.b64decode(embedded(html))))


def test_equal_boards_give_equal_pages_in_any_order() -> None:
    first, second = board("toy"), board("other")
    assert to_html([first, second]) == to_html([second, first])
    assert to_html([board("toy")]) == to_html([board("toy")])


@pytest.mark.parametrize("percent", [False, True])
def test_numbers_are_rounded_once(percent: bool) -> None:
    """What the page makes of its numbers is what tables of text show, half-way numbers too."""
    values = [*np.linspace(-1, 1, 4001).tolist(), 0.8153, 0.8148, -0.8153, 0.6125, 0.125, 0.6185]
    column = Column("any", ("accuracy" if percent else "spearman",))
    for value in values:
        number = _as_shown(value, percent)
        assert number is not None
        shown = Decimal(100 * number if percent else number)  # toFixed is of the number, to the bit
        text = shown.quantize(Decimal("0.1" if percent else "0.01"), rounding=ROUND_HALF_UP)
        assert f"{text:z}" == column.number(value)


def test_a_board_without_rows_has_a_page() -> None:
    empty = replace(made_up(), rows=[])
    assert page_data([empty])["boards"][0]["newest"] is None
    assert data_of(to_html([empty]))["boards"][0]["name"] == empty.name


@pytest.mark.parametrize(
    ("boards", "norm", "rank"),
    [
        ([board()], "final norm", "rank of the score (1 is highest)"),
        ([layered()], "norm / largest", "rank of the score within its layer (1 is highest)"),
        ([board(), layered()], "norm", "rank of the score (1 is highest)"),
    ],
)
def test_the_scatter_says_what_its_axes_are_of_all_boards(boards: list[Board], norm: str, rank: str) -> None:
    """Norms of a network of several layers are shares of the largest in the layer."""
    scatter = page_data(boards)["charts"]["scatter"]
    assert scatter["spec"]["encoding"]["y"]["title"] == norm
    assert scatter["title"]["text"] == rank


def test_no_text_can_end_the_script_or_open_a_comment() -> None:
    html = to_html([board(scorers=HOSTILE)])
    assert re.fullmatch("[A-Za-z0-9+/=]+", embedded(html))
    assert set(HOSTILE) <= {row["look"]["name"] for row in data_of(html)["boards"][0]["rows"]}
    assert not any(name in html for name in HOSTILE)


def test_the_policy_allows_these_scripts_and_nothing_else() -> None:
    html = to_html([board()])
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', html)
    assert policy
    assert "default-src 'none'" in policy[1]
    scripts = re.findall(r"<script>(.*?)</script>", html, re.S)
    hashes = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    assert re.findall(r"'sha256-([^']*)'", policy[1]) == hashes
    assert not re.search(r"<(script|link|img|iframe)[^>]*\s(src|href)=", html.split("<script>")[0])


def test_the_page_does_not_repeat_what_single_seeds_gave() -> None:
    data = page_data([board(seeds=12)])
    assert "per_seed" not in json.dumps(data)
    for row in data["boards"][0]["rows"]:
        for name, values in row["values"].items():
            assert (values["median"] is not None) is name.split(".")[0].endswith("accuracy")


def test_the_winner_is_the_best_early_predictor_and_what_it_is_sure_of() -> None:
    chart = ChartBoard(board(seeds=20))
    winner = chart.winner(0)
    assert winner
    assert (winner.row.scorer, winner.runner_up) == ("angle", "growth")
    assert winner.costly
    assert winner.costly.scorer == "imp", "it predicts better, and takes three trainings"
    assert winner.ahead
    a, b = (next(r for r in chart.rows if (r.scorer, r.at_step) == (name, 0)) for name in ("angle", "growth"))
    difference = a.metrics["spearman",].mean - b.metrics["spearman",].mean
    assert winner.ahead.mean == pytest.approx(difference)
    assert winner.ahead.low is not None
    assert winner.ahead.high is not None
    assert winner.ahead.low < difference < winner.ahead.high


def turned_by_two() -> tuple[Board, Column]:
    """The mean of `fragile` is above that of `sturdy` by two networks; in all others it is below."""
    draw = np.random.default_rng(0)
    sturdy = draw.normal(0.8, 0.02, 20)
    fragile = sturdy - 0.02
    fragile[:2] += 0.5
    column = Column("pruned to 10 %", ("accuracy", "prune_final", "0.1"))
    rows = [
        replace(each, metrics=each.metrics | summarise({column.path: values}))
        for scorer, values in (("fragile", fragile), ("sturdy", sturdy), ("random", sturdy - 0.3))
        for each in [made_up_row(scorer, 0, values)]
    ]
    return replace(made_up(steps=(0,)), rows=rows), column


def test_the_best_by_mean_that_is_significantly_beaten_is_no_winner() -> None:
    """Its mean is that of two networks; the tests and the median say that the other is better."""
    one, column = turned_by_two()
    winner = ChartBoard(one).winner(0, column)
    assert winner
    assert (winner.row.scorer, winner.runner_up) == ("fragile", "sturdy")
    assert (winner.tied, winner.better) == (0, 1)
    assert winner.ahead
    assert winner.ahead.mean > 0
    assert winner.ahead.low is None, "accuracies have no interval of the mean"
    assert winner.ahead.middle == pytest.approx((-0.02, -0.02, -0.02))
    (verdict,) = page_data([one])["boards"][0]["verdicts"][1]
    assert verdict["better"] == 1
    assert [verdict["ahead"][of] for of in ("low", "high", "median")] == pytest.approx([-0.02] * 3)


def test_what_stands_alone_is_not_compared() -> None:
    one, _ = turned_by_two()
    alone = replace(one, rows=[each for each in one.rows if each.scorer == "sturdy"])
    winner = ChartBoard(alone).winner(0)
    assert winner
    assert (winner.tied, winner.ahead) == (None, None)


def test_the_cost_counts_the_steps_to_the_snapshot_and_those_of_its_own() -> None:
    chart = ChartBoard(board(seeds=10))
    rows = {row.key: row for row in chart.rows}
    assert (rows["imp", 0].cost.steps, rows["angle", 50].cost.steps) == (12000, 50)
    assert chart.seconds(rows["imp", 0]) == pytest.approx(6.0)
    assert chart.seconds(rows["angle", 50]) == pytest.approx(0.01 + 2.0 * 50 / 4000)


def test_a_scorer_looks_the_same_on_every_page_and_in_the_figures() -> None:
    one, both = (
        {row["look"]["name"]: row["look"] for each in page_data(boards)["boards"] for row in each["rows"]}
        for boards in ([board()], [board("other", scorers=("s1", "s2", "s3")), board()])
    )
    assert one == {name: both[name] for name in one}
    assert one["random"]["colour"] is None
    style = style_of("imp")
    assert (one["imp"]["colour"], one["imp"]["symbol"]) == (style.colour, style.symbol)
    assert page_data([board()])["symbols"] == SYMBOLS


# Machado, Oliveira & Fernandes (2009), severity 1, in linear RGB: red-, green- and blue-blind.
BLIND = {
    "protanopia": "0.152286 1.052583 -0.204868 0.114503 0.786281 0.099216 -0.003882 -0.048116 1.051998",
    "deuteranopia": "0.367322 0.860646 -0.227968 0.280085 0.672501 0.047413 -0.011820 0.042940 0.968881",
    "tritanopia": "1.255528 -0.076749 -0.178779 -0.078411 0.930809 0.147602 0.004733 0.691367 0.303900",
    "none": "1 0 0 0 1 0 0 0 1",
}


def linear(colour: str) -> np.ndarray:
    values = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def lab(rgb: np.ndarray) -> np.ndarray:
    matrix = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    x, y, z = np.cbrt(np.clip(np.array(matrix) @ rgb, 1e-6, None) / np.array([0.9505, 1, 1.089]))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("vision", BLIND)
@pytest.mark.parametrize(
    ("colours", "behind"), [(LIGHT, "#ffffff"), (DARK, "#14171c")], ids=["light", "dark"]
)
def test_colours_differ_for_every_eye_and_stand_out(
    colours: tuple[str, ...], behind: str, vision: str
) -> None:
    eye = np.array(BLIND[vision].split(), dtype=float).reshape(3, 3)
    seen = [lab(np.clip(eye @ linear(colour), 0, 1)) for colour in colours]
    closest = min(np.linalg.norm(a - b) for i, a in enumerate(seen) for b in seen[:i])
    assert closest > 10
    for colour in colours:
        light, dark = sorted((linear(c) @ [0.2126, 0.7152, 0.0722] for c in (colour, behind)), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 3


def test_the_libraries_are_those_of_the_manifest() -> None:
    manifest = json.loads((ASSETS / "vendor/manifest.json").read_text())
    for entry in manifest:
        content = (ASSETS / "vendor" / entry["file"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == entry["sha256"], entry["file"]
    listed = {entry["file"] for entry in manifest}
    assert listed == {path.name for path in (ASSETS / "vendor").iterdir()} - {"manifest.json"}


def test_every_asset_is_in_the_wheel() -> None:
    setuptools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    for path in (path for path in ASSETS.rglob("*") if path.is_file()):
        package = ".".join(path.parent.relative_to(ROOT).parts)
        assert package in setuptools["packages"]
        assert any(fnmatch(path.name, pattern) for pattern in setuptools["package-data"][package]), path
