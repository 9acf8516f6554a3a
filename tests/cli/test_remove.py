"""`prunebench remove`: what was asked for goes, from boards and store, and nothing else."""

import io
import shutil
from pathlib import Path

import pytest
from in_process import QUICK, Prunebench
from msgspec.structs import replace

from prunebench.api.remove import Wanted, find
from prunebench.cli.main import run
from prunebench.leaderboard.board import Board
from prunebench.store.store import Store

BOARDS = Path(".prunebench", "leaderboards")
FAILS = """
import prunebench as pb

class Fails(pb.Scorer):
    name = "fails"

    def score(self, snapshot):
        raise ValueError("no idea")
"""
RUN = ("--protocol", "rank", "--at-step", "0,20")


@pytest.fixture(scope="module")
def once(npz: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A board with a scorer that fails."""
    folder = tmp_path_factory.mktemp("once")
    asked = ("--dataset", str(npz), *QUICK, *RUN, "--plugin", "fails.py", "--scorer", "snip,fails")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        Path("fails.py").write_text(FAILS)
        assert run(["run", *asked]) == 0
    return folder


@pytest.fixture
def made(once: Path, folder: Path) -> str:
    """The name of a board of one's own to take from."""
    shutil.copytree(once, folder, dirs_exist_ok=True)
    return _boards()[0].name


def _boards() -> list[Board]:
    return [Board.read(path) for path in sorted(BOARDS.glob("*.json"))]


def _keys() -> set[tuple[str, int]]:
    return {row.key for board in _boards() for row in board.rows}


def _scored() -> set[tuple[str, int]]:
    with Store(Path(".prunebench"), read_only=True) as store:
        return {*store.rows("SELECT DISTINCT scorer, step FROM scorings WHERE scorer != ''")}


def test_rows_go_from_the_boards_and_from_the_store(
    made: str, prunebench: Prunebench, quick: Prunebench
) -> None:
    before, scored = _keys(), _scored()
    listed = prunebench("remove", "snip", "--at-step", "20", "--dry-run")
    assert listed.code == 0
    assert listed.out.splitlines() == [
        f"{made}: snip at step 20 (ok)",
        "store: scores and results of snip at step 20, 3 networks",
    ]
    assert _keys() == before

    assert prunebench("remove", "snip", "--at-step", "20", "--yes").code == 0
    assert before - _keys() == scored - _scored() == {("snip", 20)}
    assert prunebench("remove", "--failed", "--yes").code == 0
    assert {name for name, _ in (before - _keys()) & (scored - _scored())} == {"snip", "fails"}
    assert "nothing to remove" in prunebench("remove", "--failed").err
    assert "damaged: 0" in prunebench("status", "--check").out
    assert (BOARDS / f"{made}.csv").read_text().count("snip,") == 1
    dry = quick(*RUN, "--scorer", "snip", "--dry-run").err
    assert "score with snip at step 20" in dry
    assert "step 0," not in dry


def test_a_whole_board_goes_with_its_networks(made: str, prunebench: Prunebench, quick: Prunebench) -> None:
    assert quick(*RUN, "--scorer", "snip", "--momentum", "0.5").code == 0
    both = prunebench("remove", "--board", "toy", "--yes")
    assert both.code == 2
    assert made in both.err
    assert prunebench("remove", "--board", made, "--yes").code == 0
    assert [board.name for board in _boards()] != [made]
    assert len({path.stem for path in BOARDS.iterdir()}) == 1
    with Store(Path(".prunebench"), read_only=True) as store:
        trainings = [name for (name,) in store.rows("SELECT id FROM trainings")]
    assert [path.name for path in Path(".prunebench", "networks").iterdir()] == trainings
    assert len(trainings) == 1
    assert "damaged: 0" in prunebench("status", "--check").out


def test_nothing_goes_without_a_yes(
    made: str, prunebench: Prunebench, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, scored = _keys(), _scored()
    for answer, code, said in (("n\n", 0, "nothing was removed"), ("", 2, "--yes")):
        monkeypatch.setattr("sys.stdin", io.StringIO(answer))
        result = prunebench("remove", "--board", made)
        assert result.code == code
        assert said in result.err
        assert (_keys(), _scored()) == (before, scored)


def test_what_another_process_computes_stays(made: str, prunebench: Prunebench) -> None:
    before = _keys()
    with Store(Path(".prunebench")) as store:
        ((training,),) = store.rows("SELECT id FROM trainings")
        with store.claimed(training):
            result = prunebench("remove", "snip", "--yes")
    assert result.code == 1
    assert "another process" in result.err
    assert _keys() == before


def test_what_is_not_there(made: str, prunebench: Prunebench) -> None:
    wrong = {
        "name a scorer": (),
        "did you mean 'snip'": ("snib",),
        "boards here": ("--board", made[1:]),
        "--board: got ''; the beginning of a board's name is needed": ("snip", "--board", ""),
        "--out: got 'board'; a folder that is there is needed": ("snip", "--out", "board"),
        "--store: got 'stor'; a folder that is there is needed": ("snip", "--store", "stor"),
    }
    before = _keys(), _scored()
    for said, asked in wrong.items():
        result = prunebench("remove", *asked, "--yes")
        assert result.code == 2
        assert said in result.err
        assert (_keys(), _scored()) == before


def test_a_row_that_fails_no_more_stays_while_the_question_is_open(made: str) -> None:
    wanted = find(Wanted(failed=True), Path(".prunebench"), BOARDS)
    board = _boards()[0]
    mended = [replace(row, status="ok", error=None) if row.key == ("fails", 0) else row for row in board.rows]
    (BOARDS / f"{made}.json").write_text(replace(board, rows=mended).to_json())
    wanted.carry_out(Path(".prunebench"), BOARDS)
    assert {step for name, step in _keys() if name == "fails"} == {0}
