import base64
import gzip
import re
from pathlib import Path

import pytest
from in_process import Prunebench
from made_up_boards import board


def test_a_page_of_the_boards_is_written(quick: Prunebench, prunebench: Prunebench, folder: Path) -> None:
    quick("--scorer", "snip", "--at-step", "0", "--quiet")
    done = prunebench("leaderboard", "--html", "pages/page.html")
    assert (done.code, done.out) == (0, "")
    assert "pages/page.html" in done.err
    page = (folder / "pages/page.html").read_bytes()
    (data,) = re.findall(rb'id="data">([^<]*)<', page)
    assert b'"name":"snip"' in gzip.decompress(base64.b64decode(data))
    prunebench("leaderboard", "--html", "again.html")
    assert (folder / "again.html").read_bytes() == page


def test_a_site_of_the_boards_is_written(quick: Prunebench, prunebench: Prunebench, folder: Path) -> None:
    quick("--scorer", "snip", "--at-step", "0", "--quiet")
    done = prunebench("leaderboard", "--site", "site")
    assert (done.code, done.out) == (0, "")
    assert "site/index.html" in done.err
    found = {path.suffix for path in (folder / "site").iterdir() if path.name.startswith("toy")}
    assert found == {".html", ".json", ".csv", ".md"}


def test_figures_of_one_board_are_drawn(quick: Prunebench, prunebench: Prunebench, folder: Path) -> None:
    quick("--scorer", "snip", "--at-step", "0", "--protocol", "rank", "--quiet")
    done = prunebench("leaderboard", "toy", "--figures", "figures")
    assert (done.code, done.out) == (0, "")
    found = {path.name for path in (folder / "figures").rglob("*.svg")}
    assert found >= {"scatter_step0.svg", "standing.svg"}
    assert not {"cost.svg", "time.svg"} & found, "one step is no course of time"


def test_a_figure_of_what_no_board_has_is_refused(quick: Prunebench, prunebench: Prunebench) -> None:
    """Nothing was drawn, and nothing said."""
    quick("--scorer", "snip", "--at-step", "0", "--protocol", "rank", "--quiet")
    done = prunebench("leaderboard", "toy", "--figures", "figures", "--kind", "layers")
    assert done.code == 2
    assert "--kind: got 'layers'; charts of what these boards have at these steps" in done.err


def test_figures_are_chosen_as_a_paper_needs_them(
    quick: Prunebench, prunebench: Prunebench, folder: Path
) -> None:
    quick(
        "--scorer", "snip", "--at-step", "0,5", "--protocol", "rank", "--protocol", "prune_final", "--quiet"
    )
    chosen = ("--kind", "kept", "--step", "5", "--format", "pdf", "--width", "85mm")
    assert prunebench("leaderboard", "--figures", "figures", *chosen).code == 0
    assert [path.name for path in (folder / "figures").rglob("*") if path.is_file()] == ["kept_step5.pdf"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--figures", "figures", "--width", "wide"), "--width: got 'wide'; a number with mm, cm, in or pt"),
        (("--figures", "figures", "--step", "7"), "--at-step: got '7'"),
        (("--figures", "figures", "--format", "csv"), "--format: got 'csv'; of figures: png, svg, pdf"),
        (("--figures", "figures", "--top", "3"), "--metric, --scorer and --top are for the table"),
        (("--kind", "kept"), "need --figures DIR"),
    ],
)
def test_what_figures_cannot_be_is_said_in_a_line(
    quick: Prunebench, prunebench: Prunebench, folder: Path, options: tuple[str, ...], said: str
) -> None:
    quick("--scorer", "snip", "--at-step", "0", "--protocol", "rank", "--quiet")
    done = prunebench("leaderboard", *options)
    assert done.code == 2
    assert said in done.err
    assert not list(folder.glob("figures/*/*"))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--html", "page.html", "--metric", "kendall"), "--metric: --html does not take it"),
        (("--site", "site", "--scorer", "snip"), "--scorer: --site does not take it"),
        (("--cite", "--top", "3"), "--top: --cite does not take it"),
        (("--cite", "--format", "json"), "--format: --cite does not take it"),
        (("--overview", "--at-step", "0"), "--at-step: --overview does not take it"),
        (("--rebuild", "--metric", "kendall"), "--metric: --rebuild does not take it"),
        (("--rebuild", "--html", "page.html"), "--rebuild: it goes with no other output; leave --html out"),
        (("--overview", "--cite"), "--overview: it goes with no other output; leave --cite out"),
    ],
)
def test_no_option_is_ignored(
    prunebench: Prunebench, folder: Path, options: tuple[str, ...], said: str
) -> None:
    one = board(seeds=4, steps=(0,))
    (folder / "boards").mkdir()
    path = folder / "boards" / f"{one.name}.json"
    path.write_text(one.to_json())
    done = prunebench("leaderboard", "--out", "boards", *options)
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert [file for file in folder.rglob("*") if file.is_file()] == [path]
    assert prunebench("leaderboard", "--out", "boards", "--overview", "--metric", "kendall").code == 0
    assert prunebench("leaderboard", "--out", "boards", "--html", "page.html", "--cite").code == 0


def test_a_page_that_cannot_be_written_is_refused(
    quick: Prunebench, prunebench: Prunebench, folder: Path
) -> None:
    quick("--scorer", "snip", "--quiet")
    (folder / "file").write_text("")
    done = prunebench("leaderboard", "--html", "file/page.html")
    assert done.code == 2
    assert done.err.startswith("prunebench: --html: got 'file/page.html'; ")
    assert prunebench("leaderboard", "none", "--html", "page.html").code == 2
    assert not (folder / "page.html").exists()
