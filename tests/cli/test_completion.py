"""The shell's completion, asked as the shell asks it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from prunebench.cli.main import COMMANDS
from prunebench.leaderboard.locations import OWN as BOARDS


def complete(*words: str) -> list[str]:
    """What is offered in the place of the last word."""
    environment = os.environ | {
        "_PRUNEBENCH_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(["prunebench", *words]),
        "COMP_CWORD": str(len(words)),
    }
    program = Path(sys.executable).parent / "prunebench"
    done = subprocess.run([program], env=environment, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return [line.split(",", 1)[1] for line in done.stdout.splitlines()]


def test_commands() -> None:
    assert complete("") == list(COMMANDS)
    assert complete("new") == ["new-scorer", "new-network"]


@pytest.mark.parametrize("words", [["run", "--scorer"], ["check"]])
def test_scorers(words: list[str]) -> None:
    assert complete(*words, "gr") == ["gradient_norm", "grasp", "growing_mode", "growth"]


def test_scorers_of_a_file_which_is_not_run(folder: Path) -> None:
    (folder / "mine.py").write_text(
        "raise SystemExit(3)\nimport prunebench as pb\n\nclass Mine(pb.Scorer):\n    name = 'grand_idea'\n"
    )
    assert complete("run", "--plugin", "mine.py", "--scorer", "gra") == [
        "gradient_norm", "grand_idea", "grasp",
    ]  # fmt: skip
    assert complete("check", "mi") == ["mine.py:grand_idea", "mine.py"]
    assert (
        complete("run", "--scorer", "mi")
        == complete("run", "--scorer", "mine.py:gr")
        == ["mine.py:grand_idea"]
    )
    assert complete("run", "--plugin", "nothing.py", "--scorer", "gras") == ["grasp"]


def test_networks(folder: Path) -> None:
    assert complete("run", "--network", "le") == ["lenet"]
    (folder / "mine.py").write_text(
        "raise SystemExit(3)\nimport prunebench as pb\n\nclass Mine(pb.Network):\n    name = 'lean'\n"
    )
    assert complete("run", "--plugin", "mine.py", "--network", "le") == ["lean", "lenet"]
    assert complete("export", "--network", "mi") == ["mine.py:lean"]


def test_parameters_and_their_values(folder: Path) -> None:
    assert complete("run", "--scorer", "snip,imp[sparsity=0.5,r") == [
        "snip,imp[sparsity=0.5,rounds=",
        "snip,imp[sparsity=0.5,rewind=",
    ]
    assert complete("run", "--scorer", "torch_pruning[importance=T") == ["torch_pruning[importance=Taylor"]
    assert complete("run", "--network", "vgg[ba") == ["vgg[batch_norm="]
    (folder / "mine.py").write_text(
        "raise SystemExit(3)\nimport prunebench as pb\nclass Base(pb.Scorer):\n    alpha: float = 0.5\n"
        "class Mine(Base):\n    name = 'mine'\n    exact: bool = True\n"
    )
    for words in (("--plugin", "mine.py", "--scorer", "mine["), ("--scorer", "mine.py:mine[")):
        start = words[-1]
        assert complete("run", *words) == [f"{start}exact=", f"{start}alpha="]
        assert complete("run", *words[:-1], f"{start}exact=f") == [f"{start}exact=false"]


def test_after_a_comma() -> None:
    assert complete("run", "--scorer", "imp[sparsity=0.5,rounds=3],gras") == [
        "imp[sparsity=0.5,rounds=3],grasp"
    ]
    assert complete("run", "--protocol", "rank,me") == ["rank,merge"]


def test_data_sets(folder: Path) -> None:
    (folder / "mnemonics.npz").write_text("")
    assert complete("run", "--dataset", "mn") == ["mnist5k", "mnist", "mnemonics.npz"]


def test_rows_and_boards(folder: Path) -> None:
    (folder / BOARDS).mkdir(parents=True)
    (folder / BOARDS / "toy.json").write_text(
        '{"name": "toy_n40", "rows": [{"scorer": "imp[sparsity=0.7]"}, {"scorer": "snip", '
        '"spearman": {"per_seed": [1]}, "accuracy": {"merge": {"0.1": {"per_seed": [1]}}}}]}'
    )
    (folder / BOARDS / "other.json").write_text("[not json")
    assert complete("show", "i") == ["imp[sparsity=0.7]"]
    assert complete("leaderboard", "") == ["toy_n40"]
    assert complete("show", "snip", "--board", "t") == ["toy_n40"]
    assert complete("compare", "snip", "") == ["imp[sparsity=0.7]", "snip", "toy_n40"]
    assert complete("compare", "a", "b", "--metric", "") == ["accuracy.merge.0.1", "spearman"]
    assert complete("leaderboard", "--scorer", "s") == ["snip"]


def test_nothing_heavy_is_imported_between_two_key_strokes() -> None:
    code = (
        "import sys, click\nfrom prunebench.cli import complete, run, show, check, sweep\n"
        "complete.complete_scorers(click.Context(click.Command('x')), None, '')\n"
        "complete.complete_networks(click.Context(click.Command('x')), None, '')\n"
        "print(sorted({'torch', 'numpy', 'scipy', 'pandas', 'rich', 'sklearn'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_how_it_is_switched_on(shell: str) -> None:
    program = Path(sys.executable).parent / "prunebench"
    environment = os.environ | {"_PRUNEBENCH_COMPLETE": f"{shell}_source"}
    done = subprocess.run([program], check=False, env=environment, capture_output=True, text=True)
    if shell == "bash" and "not supported" in done.stderr:
        pytest.skip("no bash here, or an old one")
    assert "_PRUNEBENCH_COMPLETE" in done.stdout
