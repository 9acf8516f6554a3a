import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from made_up_boards import board

import prunebench as pb


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from prunebench.cli.main import run; run(['--help']); "
        "print(sorted({'torch', 'numpy', 'scipy', 'pandas', 'rich', 'sklearn'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("[]")
    assert "leaderboard" in done.stdout


@pytest.mark.parametrize(
    "command",
    [
        ["leaderboard", "--format", "latex"],
        ["show", "good"],
        ["compare", "good", "fair"],
        ["list", "datasets"],
        ["run", "--help"],
        ["sweep", "--help"],
    ],
    ids=" ".join,
)
def test_reading_commands_do_not_wait_for_torch(command: list[str], folder: Path) -> None:
    one = board()
    (folder / f"{one.name}.json").write_text(one.to_json())
    command = [*command, "--out", "."] if command[0] in ("leaderboard", "show", "compare") else command
    code = (
        "import sys; from prunebench.cli.main import run; code = run(sys.argv[1:]); "
        "print(code, sorted({'torch', 'numba', 'sklearn', 'pandas'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code, *command], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "0 []", done.stderr


def test_help_takes_less_than_a_third_of_a_second() -> None:
    """Of the processor's time, which other processes do not change; the best of three."""
    spent = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-m", "prunebench", "--help"], capture_output=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(spent) < 0.3


@pytest.mark.parametrize("command", [[], ["run"], ["leaderboard"], ["show"], ["list"], ["list", "scorers"]])
def test_every_command_has_help(prunebench: Any, command: list[str]) -> None:
    result = prunebench(*command, "--help")
    assert result.code == 0
    assert "Usage: prunebench" in result.out
    assert "--debug" in result.out or command == ["list", "scorers"]


def test_no_command_prints_the_help(prunebench: Any) -> None:
    assert "Commands:" in prunebench().out


def test_version_and_module(prunebench: Any) -> None:
    assert pb.__version__ in prunebench("--version").out
    done = subprocess.run(
        [sys.executable, "-m", "prunebench", "--version"], capture_output=True, text=True, check=True
    )
    assert pb.__version__ in done.stdout


def test_unknown_command(prunebench: Any) -> None:
    result = prunebench("rum")
    assert result.code == 2
    assert "rum" in result.err


def test_unforeseen_errors_are_one_line_unless_debug(
    prunebench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from prunebench.cli.main import run
    from prunebench.leaderboard import folder

    def fail(*_: object) -> None:
        raise RuntimeError("surprise")

    monkeypatch.setattr(folder, "find_boards", fail)
    result = prunebench("leaderboard")
    assert result.code == 1
    assert (
        result.err.strip() == "prunebench: RuntimeError: surprise (run again with --debug for the traceback)"
    )
    with pytest.raises(RuntimeError, match="surprise"):
        run(["leaderboard", "--debug"])
