"""The tutorials, followed word for word in an empty folder: every block runs and says what the page shows."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

pytestmark = pytest.mark.slow
DOCS = Path(__file__).parents[1] / "docs"
NUMBER = re.compile(r"-?\d[\d,]*(\.\d+)?(e-?\d+)?")


class Block(NamedTuple):
    language: str
    text: str
    line: int


def blocks(text: str) -> list[Block]:
    found = re.finditer(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [Block(m[1], m[2], text[: m.start()].count("\n") + 1) for m in found]


def sessions(text: str) -> list[tuple[str, list[str]]]:
    """Commands, each with the output that is shown."""
    found: list[tuple[str, list[str]]] = []
    for line in text.replace("\\\n", "").splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        else:
            found[-1][1].append(line)
    return found


def masked(line: str) -> str:
    """What stays the same from machine to machine and from terminal to terminal."""
    return " ".join(re.sub("[━─]+", "-", NUMBER.sub("#", line)).split())


class Reader:
    """Somebody who does what the page says."""

    def __init__(self, folder: Path, page: Path) -> None:
        self.folder, self.page, site = folder, page, folder / "site"
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        # `pip install` without a network, into a folder of its own.
        pip = {"PIP_NO_INDEX": "1", "PIP_NO_DEPS": "1", "PIP_NO_BUILD_ISOLATION": "0"}
        self.environment = os.environ | {"PATH": path, "PYTHONPATH": str(site)} | pip
        self.environment["PIP_TARGET"] = str(site)

    def run(self, *command: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            command,
            check=False,
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def follow(self, block: Block) -> None:
        where = f"{self.page.name}, line {block.line}"
        assert block.language in ("python", "console"), where
        if block.language == "console":
            for command, shown in sessions(block.text):
                done = self.run("bash", "-c", command)
                fails = any("FAILED" in line for line in shown)
                assert done.returncode == (1 if fails else 0), f"{where}: {command}\n{done.stdout}"
                rest = iter([masked(line) for line in done.stdout.splitlines()])
                for line in shown:
                    assert line == "..." or masked(line) in rest, f"{where}: {line}\n{done.stdout}"
        elif named := re.match(r"# (\S+\.py)\n", block.text):
            (self.folder / named[1]).write_text(block.text.removeprefix(named[0]))
        else:
            done = self.run("python", "-c", block.text)
            assert done.returncode == 0, f"{where}\n{done.stdout}"


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("page", ["writing-a-scorer.md", "writing-a-network.md"])
def test_the_tutorial_works_word_for_word(page: str, tmp_path: Path) -> None:
    assert not any((parent / "pyproject.toml").exists() for parent in tmp_path.parents)
    reader, text = Reader(tmp_path, DOCS / page), (DOCS / page).read_text()
    found = blocks(text)
    assert len(found) == text.count("\n```") / 2
    for block in found:
        reader.follow(block)


@pytest.mark.parametrize(("noun", "name"), [("scorer", "my_idea"), ("network", "my_net")])
def test_the_file_on_the_page_is_what_the_command_writes(
    noun: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from prunebench.cli.main import run

    monkeypatch.chdir(tmp_path)
    assert run([f"new-{noun}", name]) == 0
    page = (DOCS / f"writing-a-{noun}.md").read_text()
    first = next(b.text for b in blocks(page) if b.text.startswith(f"# {name}.py\n"))
    assert first.removeprefix(f"# {name}.py\n") == (tmp_path / f"{name}.py").read_text()
