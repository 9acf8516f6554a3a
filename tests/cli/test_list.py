import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from prunebench.plugin.description import Description, describe
from prunebench.plugin.isolation import Isolation
from prunebench.plugin.listing import Listing
from prunebench.plugin.process import PluginProcess
from prunebench.scoring.registry import SCORERS, load_scorer
from prunebench.scoring.scorer import Scorer


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _shared_cache(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is listed is remembered from test to test."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(shared))


@pytest.fixture
def cache(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a test of its own remembers what is listed."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
    return folder / "cache" / "prunebench" / "plugins.json"


def test_scorers_with_parameters_and_origin(prunebench: Any) -> None:
    result = prunebench("list", "scorers")
    assert result.code == 0
    for text in ("alignment", "sparsity=0.5", "oracle (sees the end)"):
        assert text in result.out
    assert result.out.count("from: prunebench 0") == 1, "once, for it is the same of all"


def test_networks_with_parameters_and_origin(prunebench: Any) -> None:
    result = prunebench("list", "networks")
    assert (result.code, result.err) == (0, "")
    for text in ("shallow (the default)", "lenet", "widths=100-100-100", "He et al. 2016", "prunebench 0"):
        assert text in result.out
    assert "alignment" not in result.out


def test_a_file_of_both_kinds_is_listed_under_each(prunebench: Any, folder: Path) -> None:
    network = "class Net(pb.Network):\n    name = 'my_net'\n    width: int = 64\n"
    (folder / "mine.py").write_text(MINE + network)
    for kind, parameter in (("scorers", "alpha=0.5"), ("networks", "width=64")):
        result = prunebench("list", kind, "--plugin", "mine.py")
        assert result.code == 0
        assert parameter in result.out
        assert result.out.count("mine.py") == 1
    (folder / "broken.py").write_text("raise ValueError('at import')")
    result = prunebench("list", "networks", "--plugin", "broken.py")
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(
        "prunebench: --plugin: got 'broken.py'; it does not load: ValueError: at import"
    )
    assert len(result.err.splitlines()) == 1


def test_own_files_are_listed(prunebench: Any, folder: Path) -> None:
    (folder / "mine.py").write_text(
        "import prunebench as pb\n\nclass Mine(pb.Scorer):\n    name, score = 'mine', None"
    )
    result = prunebench("list", "scorers", "--plugin", "mine.py")
    assert "mine.py" in result.out


MINE = """
import prunebench as pb

class Mine(pb.Scorer):
    name = "mine"
    version = "7"
    alpha: float = 0.5
    score = None
"""
# Torch is imported where a plugin is: in the process that is started for that.
LIST = """
import sys
from prunebench.cli.main import run
from prunebench.plugin.process import PluginProcess

started, start = [], PluginProcess.start
PluginProcess.start = lambda self: started.append(1) or start(self)
code = run(["list", "scorers", "--plugin", "mine.py"])
assert "torch" not in sys.modules
print(code, "imported" if started else "remembered")
"""


@pytest.mark.usefixtures("cache")
def test_a_second_list_imports_no_plugins(folder: Path) -> None:
    def listed() -> tuple[str, str]:
        done = subprocess.run([sys.executable, "-c", LIST], capture_output=True, text=True, check=True)
        *table, last = done.stdout.splitlines()
        return "\n".join(table), last

    (folder / "mine.py").write_text(MINE)
    first, how = listed()
    assert how == "0 imported"
    assert "alpha=0.5" in first
    assert listed() == (first, "0 remembered")


@pytest.mark.parametrize("kind", ["scorers", "networks"])
def test_what_was_edited_is_imported_again(
    prunebench: Any, folder: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[int] = []
    start = PluginProcess.start

    def counted(process: PluginProcess) -> Any:
        started.append(1)
        return start(process)

    monkeypatch.setattr(PluginProcess, "start", counted)

    def listed() -> tuple[str, bool]:
        started.clear()
        return prunebench("list", kind, "--plugin", "mine.py").out, bool(started)

    mine, text = folder / "mine.py", MINE.replace("Scorer", "Network" if kind == "networks" else "Scorer")
    mine.write_text(text)
    first, imported = listed()
    assert imported
    assert listed() == (first, False)
    mine.write_text(text.replace('"7"', '"8"').replace("alpha: float", "beta: float"))
    edited, imported = listed()
    assert imported
    assert edited == first.replace("│ 7 ", "│ 8 ").replace("alpha=0.5", "beta=0.5 ")
    assert listed() == (edited, False)


@pytest.mark.parametrize("broken", [b"[1", b'{"plugins": {"x": 3}}', b"\xff"])
def test_a_memory_that_cannot_be_read_remembers_nothing(
    broken: bytes, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    snip = describe(SCORERS, type(load_scorer("snip")))

    def asked_for(_: Isolation[Scorer], name: str) -> Description:
        asked.append(name)
        return snip

    monkeypatch.setattr(Isolation, "describe", asked_for)

    def times_asked() -> int:
        with Listing(SCORERS, [], cache) as listing:
            assert listing.describe("snip") == snip
        return len(asked)

    assert [times_asked(), times_asked()] == [1, 1]
    cache.write_bytes(broken)
    assert [times_asked(), times_asked()] == [2, 2]


@pytest.mark.usefixtures("cache")
def test_what_is_listed_need_not_be_remembered(prunebench: Any, folder: Path) -> None:
    (folder / "cache").write_text("no folder")
    result = prunebench("list", "scorers")
    assert (result.code, result.err) == (0, "")
    assert "alignment" in result.out


def test_a_file_that_is_not_there(prunebench: Any) -> None:
    result = prunebench("list", "scorers", "--plugin", "nothing.py")
    assert (result.code, result.out) == (2, "")
    assert result.err == "prunebench: --plugin: got 'nothing.py'; a Python file (.py) that exists is needed\n"


def test_data_sets(prunebench: Any) -> None:
    result = prunebench("list", "datasets")
    assert result.code == 0
    for name in ("mnist5k", "digits", "cifar10", "cifar100", "mnist", "fashion-mnist", "svhn"):
        assert name in result.out
