"""Terminals of few characters, full disks and readers that leave: one line at most, and never a traceback."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from in_process import Prunebench
from made_up_boards import board

COMMAND = [sys.executable, "-m", "prunebench"]


@pytest.fixture
def boards(folder: Path) -> Path:
    (folder / "boards").mkdir()
    (folder / "boards" / "one.json").write_text(board(seeds=4).to_json())
    return folder / "boards"


@pytest.mark.parametrize(
    "variables",
    [
        {"PYTHONIOENCODING": "ascii"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    ],
)
def test_tables_print_on_terminals_of_few_characters(boards: Path, variables: dict[str, str]) -> None:
    command = [*COMMAND, "leaderboard", "--out", boards]
    done = subprocess.run(command, env=os.environ | variables, capture_output=True, check=True)
    assert b"Traceback" not in done.stderr
    assert b"random #" in done.stdout
    assert b"# control" in done.stdout


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("words", [("--help",), ("leaderboard", "--format", "json")])
def test_a_full_disk_behind_stdout_is_one_line(boards: Path, words: tuple[str, ...]) -> None:
    if words[0] == "leaderboard":
        words = (*words, "--out", str(boards))
    with open("/dev/full", "w") as full:
        done = subprocess.run([*COMMAND, *words], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "prunebench: stdout: No space left on device\n"


@pytest.mark.parametrize("form", ["table", "csv"])
def test_a_reader_that_leaves_is_no_error_to_speak_of(boards: Path, form: str) -> None:
    command = [*COMMAND, "leaderboard", "--format", form, "--out", str(boards)]
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, "")


def test_a_stdout_that_is_closed_leads_nowhere(boards: Path) -> None:
    closed = f"{sys.executable} -m prunebench leaderboard --format csv --out {boards} >&-"
    done = subprocess.run(["sh", "-c", closed], stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_full_disk_behind_a_file_is_not_taken_for_stdout(
    folder: Path, monkeypatch: pytest.MonkeyPatch, prunebench: Prunebench
) -> None:
    from prunebench.leaderboard import folder as boards_folder

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(boards_folder, "find_boards", fail)
    result = prunebench("leaderboard")
    assert result.code == 1
    assert "stdout" not in result.err
