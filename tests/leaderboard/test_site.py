"""The site of boards, served from a folder."""

import shutil
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from page_boards import HOSTILE, board

from prunebench.leaderboard.board import Board
from prunebench.leaderboard.site import write_site

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
BOARDS = [board("toy", scorers=("angle", "growth", *HOSTILE)), board("other")]


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """No line for each request."""


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    list(write_site(BOARDS, tmp_path))
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path)))
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    serving.join()
    server.server_close()


def test_equal_boards_give_equal_sites_with_their_data_beside(tmp_path: Path) -> None:
    files = list(write_site(BOARDS, tmp_path / "a"))
    again = list(write_site(BOARDS[::-1], tmp_path / "b"))
    assert len(files) == len(again) == len(set(files))
    for file in files:
        assert file.read_bytes() == (tmp_path / "b" / file.relative_to(tmp_path / "a")).read_bytes()
    for one in BOARDS:
        assert Board.read(tmp_path / f"a/{one.name}.json").name == one.name
        assert (tmp_path / f"a/{one.name}.csv").exists()
        page = (tmp_path / f"a/{one.name}.html").read_text(encoding="utf-8")
        assert f"<title>{one.name} · prunebench leaderboard</title>" in page
    assert "<title>prunebench leaderboard</title>" in (tmp_path / "a/index.html").read_text(encoding="utf-8")
    largest = max(file.stat().st_size for file in files if file.suffix == ".html")
    assert largest < 300_000, "scripts are beside the pages, once"


@pytest.mark.xdist_group("browser")
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on PATH: apt-get install chromium")
def test_the_index_leads_to_a_board_and_back(address: str) -> None:
    playwright = pytest.importorskip("playwright.sync_api")
    complaints: list[str] = []
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(f"{address}/index.html")
        page.locator("main:not(.waiting)").wait_for()
        assert not page.locator("#results").is_visible()
        assert page.locator("#boards tbody tr").count() == 2
        page.locator("#boards tbody tr", has_text="toy").locator("button.best").nth(1).click()
        page.wait_for_url("**/toy_*.html#*")
        page.locator("main:not(.waiting)").wait_for()
        assert page.locator("#results-title").inner_text() == "All scorers at step 50"
        assert not page.locator("#overview").is_visible()
        playwright.expect(page.locator("#cost svg")).to_be_visible()
        assert page.request.get(f"{address}/{BOARDS[0].name}.json").ok
        page.get_by_role("link", name="all boards").click()
        page.wait_for_url("**/index.html")
        browser.close()
    assert [line for line in complaints if "favicon" not in line] == []
