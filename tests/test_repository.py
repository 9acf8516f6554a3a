"""The files around the code hold together: links lead somewhere, and what has two homes agrees."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from prunebench.leaderboard.citation import AUTHORS, PAPER

ROOT = Path(__file__).resolve().parents[1]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
DOCUMENTS = sorted(
    path.relative_to(ROOT)
    for place in (".", "docs", "leaderboards", "docs/examples/prunebench-fisher")
    for path in (ROOT / place).glob("*.md")
)
LINK = re.compile(r"\]\(([^)\s]+)\)")
SESSION = re.compile(r"@nox\.session\ndef (\w+)")


def sessions() -> set[str]:
    return set(SESSION.findall((ROOT / "noxfile.py").read_text()))


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_links_to_files_lead_somewhere(document: Path) -> None:
    text = (ROOT / document).read_text()
    targets = [link.split("#")[0] for link in LINK.findall(text) if not re.match(r"\w+:", link)]
    missing = [target for target in targets if target and not (ROOT / document.parent / target).exists()]
    assert not missing


def test_the_licence_is_the_one_that_is_declared() -> None:
    declared = PROJECT["project"]["license"]
    assert (ROOT / "LICENSE").read_text().startswith(f"{declared} License\n")
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert cited["license"] == declared
    assert cited["title"] == PROJECT["project"]["name"]
    assert [author["name"] for author in cited["authors"]] == [
        author["name"] for author in PROJECT["project"]["authors"]
    ]
    assert [author["name"] for author in cited["authors"]] == [AUTHORS]
    assert PAPER in cited["message"]
    for pattern in PROJECT["project"]["license-files"]:
        assert list(ROOT.glob(pattern)), pattern


def test_continuous_integration_and_hooks_use_the_sessions_that_people_use() -> None:
    checked = re.findall(r"nox --session ([a-z ]+)", (ROOT / ".ci/run").read_text())
    # The tests are the README's second command there.
    assert {"tests", *(name for names in checked for name in names.split())} == sessions()
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    entries = {hook["entry"].removeprefix("nox -s ") for repo in hooks["repos"] for hook in repo["hooks"]}
    assert entries < sessions()
    explained = set(re.findall(r"nox -s (\w+)", (ROOT / "CONTRIBUTING.md").read_text()))
    assert explained == sessions()


def test_what_has_not_begun_in_time_is_left_out() -> None:
    command = (*(sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider"), "--begin-within")
    for limit, expected in (("0", "skipped"), ("600", "passed")):
        environment = {name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"}
        done = subprocess.run(
            [*command, limit, "tests/test_version.py"],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        last = done.stdout.splitlines()[-1]
        assert re.match(rf"\d+ {expected} in", last), done.stdout
