"""The page as people use it: opened from a file in headless Chromium, without a network."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from made_up_boards import LENET, layered
from made_up_boards import board as one_share
from msgspec.structs import replace
from page_boards import HOSTILE, board, large_data

from prunebench.leaderboard.across import EARLY, by_family
from prunebench.leaderboard.chart_data import ChartBoard
from prunebench.leaderboard.charts import points
from prunebench.leaderboard.columns import SPEARMAN
from prunebench.leaderboard.critical_difference import interval, moment_words
from prunebench.leaderboard.page import assemble, to_html

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on PATH: apt-get install chromium"),
    pytest.mark.xdist_group("browser"),
]

CHARTS = ("#standing", "#cost", "#time", "#kept", "#scatter")
Page = Any


class Opened:
    """A page and what it did that it should not: console messages, errors, requests."""

    def __init__(self, browser: Any, path: Path, **options: Any) -> None:
        self.context = browser.new_context(
            offline=True, **({"viewport": {"width": 1280, "height": 900}} | options)
        )
        self.page = self.context.new_page()
        self.page.set_default_timeout(20_000)
        self.complaints: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: self.complaints.append(dialog.message))
        self.page.on("request", self._requested)
        self.path = path
        self.page.goto(path.as_uri())
        unpacked(self.page)

    def _requested(self, request: Any) -> None:
        if request.url.split("#")[0] != self.path.as_uri():
            self.complaints.append(f"requested {request.url}")


def unpacked(page: Page) -> None:
    """Wait until the page has its data, which the load of its file does not."""
    page.locator("main:not(.waiting)").wait_for()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    boards = [
        board("toy", scorers=("angle", "growth", "snip", *HOSTILE)),
        board("toy", init_std=1e-2, scorers=("angle", "growth")),
        board("older", example=False, steps=(0,)),
    ]
    path = tmp_path_factory.mktemp("page") / "page.html"
    path.write_text(to_html(boards), encoding="utf-8")
    return path


@pytest.fixture
def opened(browser: Any, file: Path) -> Iterator[Opened]:
    found = Opened(browser, file)
    yield found
    found.context.close()
    assert not found.complaints


@pytest.fixture
def page(opened: Opened) -> Page:
    opened.page.select_option("#task", "toy, 40 samples")
    return opened.page


def names(page: Page) -> list[str]:
    return [text.strip() for text in page.locator("#rows tbody button.name").all_inner_texts()]


def numbers(page: Page, column: int) -> list[float]:
    cells = page.locator(f"#rows tbody td:nth-child({column}) b").all_inner_texts()
    return [float(text.rstrip("*°").replace("−", "-")) for text in cells]


def column_of(page: Page, title: str) -> int:
    titles = page.locator("#rows thead .title").all_inner_texts()
    return 1 + titles.index(title)


def test_the_table_sorts_by_mouse_and_by_keyboard(page: Page) -> None:
    spearman = column_of(page, "Spearman")
    page.locator(f"#rows thead th:nth-child({spearman})").click()
    values = numbers(page, spearman)
    assert values == sorted(values, reverse=True)
    assert len(set(values)) > 3
    button = page.locator(f"#rows thead th:nth-child({spearman}) [role=button]")
    button.focus()
    page.keyboard.press("Enter")
    heading = page.locator(f"#rows thead th:nth-child({spearman})")
    playwright.expect(heading).to_have_attribute("aria-sort", "ascending")
    assert numbers(page, spearman) == sorted(values)


def test_the_table_filters_by_name_and_leaves_controls_out(page: Page) -> None:
    assert {"random ‡", "oracle †", "growth"} <= set(names(page))
    page.fill("#filter", "GROW")
    assert names(page) == ["growth"]
    page.fill("#filter", HOSTILE[0][:20])
    assert names(page) == [HOSTILE[0]]
    page.fill("#filter", "")
    page.uncheck("#controls")
    assert not {"random ‡", "oracle †"} & set(names(page))


def test_columns_and_steps_can_be_chosen(page: Page) -> None:
    page.select_option("#section", label="Merged at the end: train accuracy")
    assert "0.05" not in page.locator("#rows thead").inner_text()
    assert {"50 %", "1 %"} <= {
        t.replace(" (%)", "") for t in page.locator("#rows thead .title").all_inner_texts()
    }
    one = len(names(page))
    page.select_option("#which", "all")
    assert len(names(page)) > one
    page.select_option("#section", label="Cost")
    assert "12,000" in page.locator("#rows tbody").inner_text()


def test_intervals_are_drawn_where_they_are(page: Page) -> None:
    bars = page.locator("#rows tbody tr").first.locator(".bar")
    assert bars.count() >= 4
    box, line, dot = (bars.first.locator(part).bounding_box() if part else bars.first.bounding_box()
                      for part in ("", ".line", ".dot"))  # fmt: skip
    assert box
    assert line
    assert dot
    assert box["x"] <= line["x"] <= dot["x"] + dot["width"] / 2 <= line["x"] + line["width"] + 1


def test_tasks_and_recipes_switch(page: Page) -> None:
    assert page.locator("#recipe option").count() == 2
    before = len(names(page))
    page.select_option(
        "#recipe", label="30 neurons, init std 0.01, learning rate 0.001, momentum 0.9, batch 4, 4,000 steps"
    )
    assert len(names(page)) == before - 1 - len(HOSTILE)
    page.select_option("#task", "older, 40 samples")
    assert page.locator("#board-title").inner_text() == "older, 40 samples"
    playwright.expect(page.locator("#scatter .chart")).to_contain_text("no example network")
    assert page.locator("#scatter .chart svg").count() == 0


def test_the_overview_opens_a_board_at_a_step(page: Page) -> None:
    assert page.locator("#boards tbody tr").count() == 3
    row = page.locator("#boards tbody tr", has_text="init std 0.01")
    row.locator("button.best").nth(1).click()
    assert page.locator("#results-title").inner_text() == "All scorers at step 50"
    assert "init std 0.01" in page.locator("#recipe option:checked").inner_text()


def test_boards_with_steps_of_their_own_share_columns(browser: Any, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    boards = [board("toy", steps=(0, 50, 200)), board("other", steps=(0, 45, 60, 300))]
    path.write_text(to_html(boards), encoding="utf-8")
    opened = Opened(browser, path)
    titles = opened.page.locator("#boards thead .title").all_inner_texts()
    assert titles == ["task and recipe", "dense (%)", "at the start", "1 to 3 %", "3 to 10 %"]
    cells = opened.page.locator("#boards tbody tr", has_text="other").locator("td")
    steps = [cell.locator(".step").all_inner_texts() for cell in cells.all()[2:]]
    assert steps == [["step 0"], ["step 45", "step 60"], ["step 300"]]
    of_toy = opened.page.locator("#boards tbody tr", has_text="toy")
    assert of_toy.locator(".step").all_inner_texts() == ["step 0", "step 50", "step 200"]
    opened.context.close()
    assert not opened.complaints


def test_below_the_floor_cells_say_that_nothing_was_tested(browser: Any, tmp_path: Path) -> None:
    """Five scorers at step 0 are ten pairs, which need 9 seeds (docs/statistics.md)."""
    path = tmp_path / "page.html"
    path.write_text(to_html([board("few", steps=(0,), seeds=8), board("many", steps=(0,), seeds=9)]), "utf-8")
    opened = Opened(browser, path)
    rows = [opened.page.locator("#boards tbody tr", has_text=name) for name in ("few", "many")]
    assert [row.locator(".step").inner_text() for row in rows] == ["step 0, not tested", "step 0"]
    assert rows[0].locator("abbr").inner_text() == ""
    opened.page.locator("#boards button.best").first.click()
    assert "not tested: 8 seeds are too few" in opened.page.locator("#verdicts").inner_text()
    opened.context.close()
    assert not opened.complaints


def test_a_shared_address_opens_its_board(browser: Any, file: Path, page: Page) -> None:
    address = page.url
    assert "#board=toy" in address
    again = browser.new_context(offline=True)
    fresh = again.new_page()
    fresh.goto(address)
    unpacked(fresh)
    assert fresh.locator("#board-title").inner_text() == "toy, 40 samples"
    again.close()


def test_an_address_says_step_metric_and_columns(browser: Any, file: Path, page: Page) -> None:
    page.check("#verdicts input[value='50']")
    page.select_option("#section", label="Merged at the end: test accuracy")
    page.select_option("#metric", label="pruned to 10 %")
    page.select_option("#which", "all")
    fresh = Opened(browser, file)
    fresh.page.goto(page.url)
    fresh.page.reload()
    unpacked(fresh.page)
    assert fresh.page.locator("#board-title").inner_text() == "toy, 40 samples"
    assert fresh.page.locator("#verdicts input[value='50']").is_checked()
    assert fresh.page.locator("#section option:checked").inner_text() == "Merged at the end: test accuracy"
    assert fresh.page.locator("#metric option:checked").inner_text() == "pruned to 10 %"
    assert fresh.page.locator("#results-title").inner_text() == "All scorers, all steps"
    fresh.context.close()


def test_charts_are_drawn_once_beside_a_scrollbar(browser: Any, file: Path) -> None:
    """It takes its room when the data are there, which is no change of the window."""
    with_scrollbars = browser.browser_type.launch(
        executable_path=CHROMIUM,
        args=["--no-sandbox", "--disable-gpu"],
        ignore_default_args=["--hide-scrollbars"],
    )
    page = with_scrollbars.new_page(viewport={"width": 1280, "height": 1600})
    page.add_init_script(
        """let embed;
        window.drawn = 0;
        Object.defineProperty(window, "vegaEmbed", {
            get: () => embed && ((...given) => { window.drawn++; return embed(...given); }),
            set: (given) => { embed = given; },
        });"""
    )
    page.goto(file.as_uri())
    unpacked(page)
    assert page.evaluate("innerWidth - document.documentElement.clientWidth") > 0
    settle(page)
    page.wait_for_timeout(200)
    settle(page)
    assert page.evaluate("window.drawn") == page.locator(".chart svg").count() > 4
    with_scrollbars.close()


def test_what_needs_no_data_is_there_without_scripts(browser: Any, file: Path) -> None:
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(file.as_uri())
    assert page.locator("#waiting, #reading").locator("visible=true").count() == 2
    assert page.locator("main > :not(#reading)").locator("visible=true").count() == 0
    page.context.close()


def test_the_boards_together_come_first_by_a_metric_that_is_chosen(page: Page) -> None:
    assert page.locator("main section h2").first.inner_text() == "How scorers stand over the boards"
    settle(page)
    ranks = page.locator("#across-rows tbody tr")
    assert ranks.first.locator("td").all_inner_texts()[0] in ("angle", "imp")
    assert ranks.count() == page.locator("#critical svg .mark-symbol.role-mark path").count()
    before = page.locator("#boards tbody").inner_text()
    page.select_option("#metric", label="pruned to 10 %")
    assert page.locator("#boards tbody").inner_text() != before
    assert "by pruned to 10 %" in page.locator("#verdicts-title").inner_text()


def test_ranks_over_boards_are_the_terminals(browser: Any, tmp_path: Path) -> None:
    """Of four boards many stand half-way between tenths, where JavaScript rounds to the other side."""
    boards, path = [one_share(seed) for seed in range(4)], tmp_path / "page.html"
    path.write_text(to_html(boards), encoding="utf-8")
    page = browser.new_page()
    page.goto(path.as_uri())
    unpacked(page)
    moment = page.locator("#moment option:checked").inner_text()
    (one,) = (
        one for one in by_family(boards, [SPEARMAN], (0, 50, EARLY)) if moment_words(one.step) == moment
    )
    shown = [row.locator("td").all_inner_texts() for row in page.locator("#across-rows tbody tr").all()]
    assert shown == [
        [name, interval(one, name), f"{one.firsts[name]} of 4", f"{100 * one.win_rates[name]:.0f} %"]
        for name in one.order
    ]
    assert any(rank.split()[0].endswith((".2", ".8")) for _, rank, *_ in shown)
    page.close()


def test_cells_have_their_marks_and_nothing_small_is_cheered(page: Page) -> None:
    spearman = column_of(page, "Spearman")
    marks_of = page.locator(f"#rows tbody td:nth-child({spearman}) abbr")
    assert "first" in str(marks_of.first.get_attribute("title"))
    said = page.evaluate(
        """[{mean: 0.0004, low: 0.0003, high: 0.0005}, {mean: 0.3, low: 0.2, high: 0.4}]
        .map((ahead) => [difference(ahead, false), ...sureness({ tied: 0, ahead }, false)])"""
    )
    assert said == [
        ["+0.0004 [+0.0003, +0.0005]", "unsure", "ahead of all others, by a negligible margin"],
        ["+0.30 [+0.20, +0.40]", "sure", "significantly ahead of all other early predictors"],
    ]
    said = page.evaluate(
        """[{ tied: 0, better: 1, ahead: {mean: 0.05, median: -0.02, low: -0.03, high: -0.01} },
        { tied: 0, better: 0, ahead: null },
        { tied: 3, better: 0, ahead: null, untested: 5 }].map((verdict) => sureness(verdict, true))"""
    )
    assert said == [
        ["unsure", "the highest mean, but 1 other is significantly better"],
        ["unsure", "not compared with another early predictor"],
        ["unsure", "not tested: 5 seeds are too few for so many scorers"],
    ]
    effect = "difference({mean: 0.05, median: -0.02, low: -0.03, high: -0.01}, true)"
    assert page.evaluate(effect) == "+5.0 · −2.0 [−3.0, −1.0]"


def test_the_table_and_the_citation_can_be_copied(page: Page) -> None:
    page.fill("#filter", "growth")
    table = page.evaluate("toCsv(state)").splitlines()
    assert table[0].startswith("board,step,rank,scorer,gradient_steps,Spearman,Spearman low,Spearman high")
    assert [line.split(",")[3] for line in table[1:]] == ["growth"]
    page.select_option("#section", label="Pruned at the end: test accuracy")
    table = page.evaluate("toCsv(state)").splitlines()
    assert "10 %,10 % median,10 % median low,10 % median high,10 % mark" in table[0]
    assert {len(line.split(",")) for line in table} == {len(table[0].split(","))}
    page.fill("#filter", HOSTILE[3][:6])
    latex = page.evaluate("toLatex(state)")
    assert "\\$1" in latex
    assert len(latex.splitlines()) == 8, "a name is on one line"
    assert page.locator("#bibtex").inner_text().startswith("@misc{prunebench-toy-n40-d30-std1e-05-")
    page.click("#copy-bibtex")
    playwright.expect(page.locator("#copied")).to_contain_text("Copied: @misc{prunebench-toy")


@pytest.mark.parametrize("kept", [0, 1])
def test_boards_without_a_number_open(browser: Any, tmp_path: Path, kept: int) -> None:
    """Without rows, and with one that failed."""
    whole = one_share()
    failed = replace(whole.rows[0], status="failed", error="out of ideas", metrics={})
    path = tmp_path / "page.html"
    path.write_text(to_html([replace(whole, rows=[failed][:kept])]), encoding="utf-8")
    opened = Opened(browser, path)
    assert opened.page.locator("#rows tbody").inner_text().strip()
    assert ("no predictor has a number" in opened.page.locator("#verdicts").inner_text()) is bool(kept)
    opened.context.close()
    assert not opened.complaints


@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(browser: Any, mixed: Path, width: int, scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    opened = Opened(browser, mixed, viewport={"width": width, "height": 900}, color_scheme=scheme)
    settle(opened.page)
    found = axe.run(opened.page).response["violations"]
    assert [(each["id"], [node["html"] for node in each["nodes"]]) for each in found] == []
    opened.context.close()
    assert not opened.complaints


@pytest.mark.parametrize("layers", [None, LENET])
def test_charts_draw_the_same_numbers_as_figures_in_files(
    browser: Any, tmp_path: Path, layers: dict[str, Any] | None
) -> None:
    made = layered(1) if layers else board("toy")
    path = tmp_path / "page.html"
    path.write_text(to_html([made]), encoding="utf-8")
    opened = Opened(browser, path)
    shown = opened.page.evaluate("state.board.points")
    opened.context.close()
    assert not opened.complaints
    drawn = points.table(ChartBoard(made))
    assert {point["of"] for point in drawn} >= {"correlation", "kept", "unit"}
    assert_same(shown, drawn)


def assert_same(shown: Any, drawn: Any) -> None:
    """Equal but for the digits of numbers: the page has four."""
    if isinstance(drawn, dict):
        for key in shown.keys() | drawn.keys():
            assert_same(shown[key], drawn.get(key))
    elif isinstance(drawn, list):
        for one, other in zip(shown, drawn, strict=True):
            assert_same(one, other)
    else:
        assert shown == (pytest.approx(drawn, rel=5.1e-4) if isinstance(drawn, float) else drawn)


def test_every_chart_is_drawn_in_every_setting(page: Page) -> None:
    for step in (0, 50):
        page.check(f"#verdicts input[value='{step}']")
        settle(page)
        for chart in CHARTS:
            svg = page.locator(f"{chart} .chart svg").first
            box = svg.bounding_box()
            assert box
            assert box["width"] > 250
            assert svg.locator("path").count() > 5, chart
    titles = page.locator("#kept svg text").all_text_contents()
    assert any(title.startswith("Pruned at the end") for title in titles)
    assert not any("early" in title for title in titles), "nothing was pruned early at step 50"
    before = page.locator("#cost .chart").inner_html()
    page.select_option("#cost-axis", "cost_seconds")
    page.select_option("#time-axis", "time_plateau")
    page.select_option("#split", "train_accuracy")
    settle(page)
    assert page.locator("#cost .chart").inner_html() != before
    assert "t_drop" in page.locator("#time .chart").inner_text()
    assert all(
        "train" in title
        for title in page.locator(
            "#kept svg .role-column-title, #kept svg .role-header text"
        ).all_text_contents()
    )
    assert marks(page, "#scatter") == 7 * 30, "five of the best six are here, and two controls"


def settle(page: Page) -> None:
    """Until no chart is waiting for another."""
    page.evaluate("Promise.all([...document.querySelectorAll('.chart')].map((chart) => chart.waiting))")


def marks(page: Page, chart: str) -> int:
    return int(page.locator(f"{chart} svg .mark-symbol.role-mark path").count())


def test_one_colour_is_one_scorer_and_charts_draw_those_chosen(page: Page) -> None:
    def strokes(place: str) -> set[str]:
        found = page.locator(f"{place} path").evaluate_all(
            "all => all.map((p) => getComputedStyle(p).stroke)"
        )
        return set(found)

    settle(page)
    (own,) = strokes("#chips .chip:has-text('growth')")
    assert all(own in strokes(f"{chart} svg") for chart in CHARTS)
    page.click("#none")
    settle(page)
    assert marks(page, "#scatter") == 2 * 30
    assert not any(own in strokes(f"{chart} svg .mark-symbol") for chart in ("#cost", "#time", "#kept"))
    assert own in strokes("#standing svg"), "which shows all"
    page.click("#every")
    settle(page)
    assert marks(page, "#scatter") > 7 * 30


def test_what_a_training_costs_and_a_prediction_stand_in_one_picture(page: Page) -> None:
    settle(page)
    assert "one training" in page.locator("#cost svg text").all_text_contents()
    page.locator("#cost svg .mark-symbol.role-mark path").first.hover()
    playwright.expect(page.locator("#vg-tooltip-element")).to_contain_text("value")


def test_details_show_the_command_that_repeats_a_row(page: Page) -> None:
    button = page.get_by_role("button", name="growth", exact=True)
    button.focus()
    page.keyboard.press("Enter")
    assert button.get_attribute("aria-expanded") == "true"
    assert page.locator("td.details pre").inner_text() == "prunebench run --scorer 'growth' --at-step 0"


def test_hostile_names_and_errors_are_text(page: Page) -> None:
    page.click("#every")
    for name in HOSTILE:
        shown = " ".join(name.split())
        assert any(" ".join(text.split()) == shown for text in names(page))
        page.get_by_role("button", name=shown, exact=True).first.click()
    page.fill("#filter", HOSTILE[1])
    assert HOSTILE[1] in page.locator("#rows .error").inner_text()
    settle(page)
    for chart in ("#cost", "#time", "#kept"):
        page.locator(f"{chart} svg").first.hover(position={"x": 60, "y": 120})
    assert page.title() == "prunebench leaderboard"
    assert page.locator("main img, main a, main script, main b b, svg script, svg a").count() == 0


def test_a_failed_row_says_why(page: Page) -> None:
    row = page.locator("#rows tbody tr.failed")
    assert "failed: ValueError" in row.inner_text()
    assert row.locator(".bar").count() == 0


def test_it_fits_a_phone(browser: Any, file: Path) -> None:
    phone = Opened(browser, file, viewport={"width": 400, "height": 800})
    page = phone.page
    for task in ("toy, 40 samples", "older, 40 samples"):
        page.select_option("#task", task)
        page.click("#every")
        assert page.evaluate("document.documentElement.scrollWidth") <= 400
    settle(page)
    cell = page.locator("#rows tbody td b").first.bounding_box()
    assert cell
    assert cell["x"] + cell["width"] < 400, "a number stands beside the names"
    name = page.locator("#rows button.name span", has_text="oracle").first.bounding_box()
    assert name
    assert name["height"] < 25, "a word is on one line"
    for chart in page.locator(".chart svg").all():
        box = chart.bounding_box()
        assert box
        assert 250 < box["width"] <= 400
    sizes = page.locator(".chart svg text").evaluate_all(
        "texts => texts.map((t) => parseFloat(getComputedStyle(t).fontSize))"
    )
    assert min(sizes) >= 10
    phone.context.close()
    assert not phone.complaints


def test_the_overview_fits_a_screen_and_of_one_share_scorers_stand_below_each_other(
    browser: Any, tmp_path: Path
) -> None:
    path = tmp_path / "page.html"
    path.write_text(to_html([board("toy", steps=(0, 2, 30, 90, 300, 1000)), one_share()]), encoding="utf-8")
    opened = Opened(browser, path)
    page = opened.page
    settle(page)
    assert page.locator("#boards th").count() == 8, "name, accuracy and six shares of a training"
    assert page.locator("#boards").evaluate("box => box.scrollWidth - box.clientWidth") <= 0
    page.select_option("#task", "mnist5k, 800 samples")
    settle(page)
    assert {"good", "random"} <= set(page.locator("#kept svg .role-axis-label text").all_text_contents())
    assert "10 % kept" in page.locator("#kept .chart").inner_text()
    assert page.locator("#against-pick").is_hidden(), "there is one way to draw it"
    opened.context.close()
    assert not opened.complaints


def test_dark_follows_the_system_and_the_choice(browser: Any, file: Path) -> None:
    ink = "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]"
    light = Opened(browser, file)
    white = light.page.evaluate(ink)
    light.page.select_option("#theme", "dark")
    chosen = light.page.evaluate(ink)
    light.context.close()
    dark = Opened(browser, file, color_scheme="dark")
    black = dark.page.evaluate(ink)
    assert black == chosen
    assert white != black
    dark.page.select_option("#theme", "light")
    assert dark.page.evaluate(ink) == white
    dark.page.emulate_media(media="print")
    assert dark.page.evaluate(ink) == white
    assert not dark.page.locator("#filter").is_visible()
    dark.context.close()
    assert not light.complaints + dark.complaints


def test_everything_can_be_reached_by_the_keyboard_and_has_a_name(page: Page) -> None:
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    unnamed = page.evaluate("""() => [...document.querySelectorAll('button, select, input, [role=button]')]
        .filter((e) => !(e.labels?.length || e.textContent.trim() || e.getAttribute('aria-label')))
        .map((e) => e.outerHTML)""")
    assert unnamed == []
    radio = page.locator("#verdicts input").first
    radio.focus()
    page.keyboard.press("ArrowRight")
    assert page.locator("#results-title").inner_text() == "All scorers at step 50"


def test_two_hundred_rows_on_twenty_tasks_stay_responsive(browser: Any, tmp_path: Path) -> None:
    path = tmp_path / "large.html"
    path.write_text(assemble(large_data()), encoding="utf-8")
    assert path.stat().st_size < 6_000_000
    large = Opened(browser, path)
    large.page.select_option("#which", "all")
    # Seconds of the page's own main thread: what else the machine does is not counted.
    session = large.context.new_cdp_session(large.page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})

    def busy() -> float:
        metrics = {m["name"]: m["value"] for m in session.send("Performance.getMetrics")["metrics"]}
        return float(metrics["TaskDuration"])

    took = []
    for number in (7, 19, 3):
        began = busy()
        large.page.select_option("#task", f"task {number:02}")
        large.page.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
        took.append(busy() - began)
        assert large.page.locator("#board-title").inner_text() == f"task {number:02}"
        assert large.page.locator("#rows tbody tr").count() >= 200
    large.context.close()
    assert not large.complaints
    assert 0 < min(took) < 1.5, took


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("mixed") / "page.html"
    deep = {f"stage{i}.block.conv": 8 for i in range(12)}
    boards = [board("toy"), layered(1), layered(2, network=LENET | {"spec": "resnet[depth=20]"}, layers=deep)]
    path.write_text(to_html(boards), encoding="utf-8")
    return path


def test_boards_of_several_networks_stand_side_by_side_and_can_be_filtered(browser: Any, mixed: Path) -> None:
    opened = Opened(browser, mixed)
    page = opened.page
    assert page.locator("#network option").all_inner_texts() == [
        "all networks", "lenet", "resnet[depth=20]", "shallow",
    ]  # fmt: skip
    assert page.locator("#boards tbody tr").count() == 3
    heads = page.locator("#early-rows thead b").all_inner_texts()
    assert sorted(heads) == ["lenet", "resnet[depth=20]", "shallow"]
    page.select_option("#network", "lenet")
    assert page.locator("#boards tbody tr").count() == 1
    assert page.locator("#early-rows thead b").all_inner_texts() == ["lenet"]
    assert (
        page.locator("#board-title").inner_text().startswith("mnist5k, 10 classes, 800 samples: lenet, 6-16")
    )
    assert page.locator("#task option").all_inner_texts() == ["mnist5k, 10 classes, 800 samples"]
    page.select_option("#network", "")
    page.locator("#early-rows thead button", has_text="shallow").click()
    assert page.locator("#board-title").inner_text() == "toy, 40 samples"
    assert page.locator("#layers, #against-pick").locator("visible=true").count() == 0
    opened.context.close()
    assert not opened.complaints


def test_a_layered_board_has_its_layers_and_a_curve_against_what_is_left(browser: Any, mixed: Path) -> None:
    opened = Opened(browser, mixed)
    page = opened.page
    page.select_option("#network", "lenet")
    settle(page)
    layers = ["conv1 (6)", "conv2 (16)", "fc1 (120)", "fc2 (84)"]
    assert set(layers) <= set(page.locator("#layers svg text").all_text_contents())
    page.select_option("#section", label="Prediction layer by layer")
    assert page.locator("#rows thead .title").all_inner_texts()[3:] == layers
    assert "not for this network or task: it needs" in page.locator("#rows .unfit").inner_text()
    drawn = {}
    for against in ("kept", "kept_parameters", "kept_adds"):
        page.select_option("#against", against)
        settle(page)
        drawn[against] = page.locator("#kept .chart").inner_text()
    assert "% of the units kept" in drawn["kept"]
    assert "% of the parameters left" in drawn["kept_parameters"]
    assert "% of the multiply-adds left" in drawn["kept_adds"]
    assert "Pruned over all layers" in drawn["kept_parameters"]
    assert "Pruned over all layers" not in drawn["kept_adds"], "nobody counted them for every scorer"
    assert page.locator("#shuffled-note").is_visible()
    assert "within the unit's layer" in page.locator("#scatter-note").inner_text()
    opened.context.close()
    assert not opened.complaints


@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_of_a_page_of_several_networks_is_cut_off(browser: Any, mixed: Path, width: int) -> None:
    opened = Opened(browser, mixed, viewport={"width": width, "height": 900})
    page = opened.page
    for network in ("shallow", "lenet", "resnet[depth=20]"):
        page.select_option("#network", network)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        if width == 1280:
            inside = page.evaluate(
                "[rows.scrollWidth, rows.clientWidth]".replace("rows", "document.querySelector('#rows')")
            )
            assert inside[0] <= inside[1], network
    opened.context.close()
    assert not opened.complaints
