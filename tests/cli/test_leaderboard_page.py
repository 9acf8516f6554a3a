from pathlib import Path

from in_process import Prunebench


def test_a_page_of_the_boards_is_written(quick: Prunebench, prunebench: Prunebench, folder: Path) -> None:
    quick("--scorer", "snip", "--at-step", "0", "--quiet")
    done = prunebench("leaderboard", "--html", "pages/page.html")
    assert (done.code, done.out) == (0, "")
    assert "pages/page.html" in done.err
    page = (folder / "pages/page.html").read_bytes()
    assert b'"name":"snip"' in page
    prunebench("leaderboard", "--html", "again.html")
    assert (folder / "again.html").read_bytes() == page


def test_figures_of_one_board_are_drawn(quick: Prunebench, prunebench: Prunebench, folder: Path) -> None:
    quick("--scorer", "snip", "--at-step", "0", "--protocol", "rank", "--quiet")
    done = prunebench("leaderboard", "toy", "--figures", "figures")
    assert (done.code, done.out) == (0, "")
    found = sorted(path.name for path in (folder / "figures").rglob("*.svg"))
    assert found == ["cost.svg", "scatter_step0.svg", "standing.svg", "time.svg"]


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
