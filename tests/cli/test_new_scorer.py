import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(autouse=True)
def _no_options(monkeypatch: pytest.MonkeyPatch) -> None:
    """What pytest is told here is not meant for the one that a test starts."""
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)


def test_a_file_and_its_test_that_passes(prunebench: Any, folder: Path) -> None:
    result = prunebench("new-scorer", "my_idea")
    assert result.code == 0
    assert result.out.split() == ["my_idea.py", "test_my_idea.py"]
    assert len((folder / "my_idea.py").read_text().splitlines()) < 32
    done = subprocess.run([sys.executable, "-m", "pytest", "-q"], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert "passed" in done.stdout


def test_runs_at_once_beside_the_others(prunebench: Any, quick: Any) -> None:
    prunebench("new-scorer", "my_idea")
    scorers = ["--scorer", "my_idea[alpha=0.3]", "--scorer", "my_idea", "--scorer", "alignment"]
    result = quick("--plugin", "my_idea.py", *scorers, "--at-step", "50", "--json")
    assert result.code == 0, result.err
    rows = {row["scorer"]: row for row in result.json["rows"]}
    assert set(rows) == {"my_idea[alpha=0.3]", "my_idea", "alignment", "random", "oracle", "twin"}
    assert all(row["status"] == "ok" for row in rows.values())
    assert rows["my_idea[alpha=0.3]"]["parameters"] == {"alpha": 0.3}
    assert rows["my_idea[alpha=0.3]"]["spearman"] != rows["my_idea"]["spearman"]


def test_a_package_is_complete(prunebench: Any, folder: Path) -> None:
    result = prunebench("new-scorer", "my_idea", "--package")
    assert result.code == 0
    root = folder / "prunebench-my-idea"
    files = {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}
    assert files == {
        "pyproject.toml",
        "README.md",
        "src/prunebench_my_idea.py",
        "tests/test_my_idea.py",
        "tests/test_my_idea_installed.py",
    }
    assert not any("$" in path.read_text() for path in root.rglob("*.*") if path.is_file())
    assert 'my_idea = "prunebench_my_idea:MyIdea"' in (root / "pyproject.toml").read_text()


@pytest.mark.slow
def test_a_package_installs_and_its_tests_pass(prunebench: Any, folder: Path) -> None:
    prunebench("new-scorer", "my_idea", "--package")
    site, root = folder / "site", folder / "prunebench-my-idea"
    python = [sys.executable, "-m"]
    offline = ["--quiet", "--no-deps", "--no-index", "--no-build-isolation"]
    subprocess.run([*python, "pip", "install", *offline, "--target", site, root], check=True)
    done = subprocess.run(
        [*python, "pytest", "-q", root / "tests"],
        check=False,
        env=os.environ | {"PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("existing", ["my_idea.py", "test_my_idea.py", "prunebench-my-idea/README.md"])
def test_nothing_is_overwritten(prunebench: Any, folder: Path, existing: str) -> None:
    (folder / existing).parent.mkdir(exist_ok=True)
    (folder / existing).write_text("mine")
    result = prunebench("new-scorer", "my_idea", *(["--package"] if "/" in existing else []))
    assert result.code == 2
    assert existing in result.err
    assert "not overwritten" in result.err
    assert (folder / existing).read_text() == "mine"
    assert [path for path in folder.rglob("*") if path.is_file()] == [folder / existing]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("my idea", "a Python name"),
        ("my-idea", "a Python name"),
        ("1st", "a Python name"),
        ("class", "a Python name"),
        ("none", "a Python name"),
        ("_", "a Python name"),
        ("../up", "a Python name"),
        ("snip", "taken by prunebench"),
        ("all", "the name 'all' stands for something else; rename it"),
        ("reinitialised", "the name 'reinitialised' stands for something else; rename it"),
        ("json", "would hide the module json"),
        ("torch", "would hide the module torch"),
    ],
)
def test_names_that_cannot_be(prunebench: Any, folder: Path, name: str, words: str) -> None:
    result = prunebench("new-scorer", name)
    assert result.code == 2
    assert name in result.err
    assert words in result.err
    assert not list(folder.iterdir())


def test_a_folder_that_cannot_be_written(prunebench: Any, folder: Path) -> None:
    (folder / "prunebench-my-idea").write_text("")
    result = prunebench("new-scorer", "my_idea", "--package")
    assert result.code == 2
    assert "cannot be written" in result.err
