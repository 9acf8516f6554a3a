import importlib
import sys
from pathlib import Path

import pytest

from prunebench.scoring.registry import load_class
from prunebench.scoring.source import source_hash

SCORER = """
import prunebench as pb
from my_helpers import scale

class Mine(pb.Scorer):
    name = "mine"
    def score(self, snapshot):
        return scale(snapshot.networks.norms())
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "mine.py").write_text(SCORER)
    (tmp_path / "my_helpers.py").write_text("def scale(x):\n    return 2 * x\n")
    return tmp_path


def hash_of(folder: Path) -> str:
    """As a fresh process would see it."""
    importlib.invalidate_caches()
    for name in [n for n in sys.modules if n == "my_helpers" or n.startswith("prunebench_file_")]:
        del sys.modules[name]
    return source_hash(load_class("mine", [folder / "mine.py"]))


def test_a_changed_helper_is_another_scorer(folder: Path) -> None:
    """A trap of peers: helper code changes, and the cache serves what the old code computed."""
    before = hash_of(folder)
    assert hash_of(folder) == before
    (folder / "my_helpers.py").write_text("def scale(x):\n    return 3 * x\n")
    assert hash_of(folder) != before


def test_comments_and_docstrings_do_not_count(folder: Path) -> None:
    before = hash_of(folder)
    (folder / "mine.py").write_text('"""What it is."""\n# why\n' + SCORER)
    assert hash_of(folder) == before
    (folder / "mine.py").write_text(SCORER.replace("norms()", 'norms("incoming")'))
    assert hash_of(folder) != before
