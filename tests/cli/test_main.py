import subprocess
import sys
from typing import Any

import pytest

import prunebench as pb


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from prunebench.cli.main import run; run(['--help']); "
        "print(sorted({'torch', 'numpy', 'scipy', 'pandas', 'rich', 'sklearn'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("[]")
    assert "leaderboard" in done.stdout


@pytest.mark.parametrize("command", [[], ["run"], ["leaderboard"], ["show"], ["list"], ["list", "scorers"]])
def test_every_command_has_help(prunebench: Any, command: list[str]) -> None:
    result = prunebench(*command, "--help")
    assert result.code == 0
    assert "Usage: prunebench" in result.out


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
        run(["leaderboard"], debug=True)
