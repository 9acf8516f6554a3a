"""Terminals of 80 columns and of few characters: names are whole, and nothing is garbage."""

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest
from in_process import QUICK, Prunebench
from made_up_boards import board, layered

from prunebench.leaderboard.board import Board

LONG = "torch_pruning[importance=Activation]"
SCORERS = {LONG: 0.3, "cluster_alignment": 0.2, "snip": 0.1, "random": 0.0}
# Several commands in one process, as `main` runs them, on a terminal whose other end is read.
SCRIPT = """
import json, sys
from prunebench.cli import streams
from prunebench.cli.main import run

streams.prepare()
assert sys.stdout.isatty()
for words in json.loads(sys.argv[1]):
    print("$", *words)
    assert run(words) == 0, words
"""


@pytest.fixture
def boards(folder: Path) -> list[Board]:
    """Boards of both kinds of networks, where `leaderboard` finds them."""
    layers = {"stages.1.block.downsample.conv": 8, "features.10": 4}
    made = [board(effects=SCORERS), layered(1, SCORERS, layers=layers)]
    place = folder / ".prunebench" / "leaderboards"
    place.mkdir(parents=True)
    for number, each in enumerate(made):
        (place / f"{number}.json").write_text(each.to_json())
    return made


def test_names_are_whole_at_eighty_columns(
    boards: list[Board], prunebench: Prunebench, quick: Prunebench, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert quick("--scorer", "random", "--out", "elsewhere").code == 0  # so that there is a store
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich takes any stream for a terminal
    monkeypatch.setenv("TERM", "dumb")  # of 80 columns, without colours
    metrics = {path[0] for each in boards for row in each.rows for path in row.metrics}
    expected = {
        ("list", "scorers"): ["cluster_alignment", "torch_pruning"],
        ("list", "networks"): ["torchvision"],
        ("list", "metrics"): ["spearman_shuffled_labels", "train_accuracy.prune_global.SHARE"],
        ("list", "protocols"): ["prune_global"],
        ("list", "datasets"): ["fashion-mnist"],
        ("leaderboard",): [*SCORERS, *(each.name for each in boards)],
        ("leaderboard", "mnist"): [*SCORERS],
        ("compare", "snip", LONG): [LONG, *(each.name for each in boards)],
        ("show", LONG): [LONG, *metrics, "accuracy.merge.0.2", "train_accuracy.merge.0.2"],
        ("status",): ["toy"],
    }
    for words, names in expected.items():
        result = prunebench(*words)
        assert result.code == 0
        assert max(map(len, result.out.splitlines())) <= 80 or words == ("status",)
        assert "…" not in result.out, words
        assert [name for name in names if name not in result.out] == [], words


@pytest.mark.parametrize(
    "variables",
    [
        {"PYTHONIOENCODING": "ascii"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    ],
    ids=" ".join,
)
def test_nothing_is_garbage_on_a_terminal_of_few_characters(
    boards: list[Board], npz: Path, variables: dict[str, str]
) -> None:
    run = ["run", "--dataset", str(npz), *QUICK, "--scorer", "snip", "--at-step", "0", "--out", "elsewhere"]
    commands = [
        ["list", "scorers"], ["list", "networks", "lenet"], ["list", "metrics"], ["leaderboard"],
        ["leaderboard", boards[1].name], ["compare", "snip", LONG], ["show", LONG], run, ["status"],
    ]  # fmt: skip
    ours, its = pty.openpty()
    command = [sys.executable, "-c", SCRIPT, json.dumps(commands)]
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "80", "LINES": "24", "PAGER": "cat"} | variables
    with subprocess.Popen(command, stdin=its, stdout=its, stderr=its, env=environment) as process:
        os.close(its)
        shown = b"".join(iter(lambda: _read(ours), b""))
    os.close(ours)
    assert process.returncode == 0, shown.decode()
    text = shown.decode("ascii")  # whatever the terminal has no sign for would be another character, or `?`
    assert all(f"$ {words[0]}" in text for words in commands)
    assert "?" not in re.sub(r"\x1b\[\?\d+[hl]", "", text)
    assert "\\u" not in text
    assert "Traceback" not in text
    assert "random #" in text


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 1 << 16)
    except OSError:  # Linux says so where the other end is closed
        return b""
