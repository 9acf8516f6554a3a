"""Scorers that are edited while the workers of a cluster live on: a hash names the code that ran."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from studies import small_study
from sweep_process import sweep

from prunebench.store.store import Store

PLUGIN = """
import os, sys
sys.path.append(os.path.dirname(__file__))
import prunebench as pb
from my_helpers import sign

class Mine(pb.Scorer):
    name = "mine"
    def score(self, snapshot):
        return +1 * sign() * snapshot.networks.norms()
"""
HELPERS = "def sign():\n    return +1\n"
CLUSTER = """
import sys
import distributed
if __name__ == "__main__":
    with distributed.LocalCluster(1, threads_per_worker=1, dashboard_address=None) as cluster:
        print(cluster.scheduler_address, flush=True)
        sys.stdin.read()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    study = small_study().replace("alignment", "mine.py:Mine").replace("[6, 8]", "6")
    (tmp_path / "study.toml").write_text(study)
    (tmp_path / "mine.py").write_text(PLUGIN)
    (tmp_path / "my_helpers.py").write_text(HELPERS)
    return tmp_path


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[str]:
    """The address of a scheduler with one worker."""
    pytest.importorskip("distributed")
    script = tmp_path / "cluster.py"
    script.write_text(CLUSTER)
    process = subprocess.Popen(
        [sys.executable, script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    with process:
        assert process.stdout is not None
        assert process.stdin is not None
        yield process.stdout.readline().strip()
        process.stdin.close()


def scores(folder: Path) -> dict[str, np.ndarray]:
    """The scores of `mine` by the hash that they stand under."""
    found: dict[str, list[np.ndarray]] = {}
    with Store(folder / "store", read_only=True) as opened:
        query = "SELECT source, scores FROM scorings WHERE scorer = 'mine' ORDER BY training, seed"
        for source, blob in opened.rows(query):
            found.setdefault(source, []).append(np.frombuffer(blob, np.float32))
    return {source: np.concatenate(each) for source, each in found.items()}


def test_an_edited_scorer_is_imported_anew_by_workers_that_live_on(folder: Path, cluster: str) -> None:
    asked = "--cluster", cluster
    said = sweep(folder, *asked)
    assert said.endswith("exit code 0"), said
    ((first, before),) = scores(folder).items()
    known = {first}
    for file, text in (("mine.py", PLUGIN), ("my_helpers.py", HELPERS)):  # the size stays, the second may
        (folder / file).write_text(text.replace("+1", "-1"))
        said = sweep(folder, *asked)
        assert said.endswith("exit code 0"), said
        ((edited, after),) = ((key, value) for key, value in scores(folder).items() if key not in known)
        np.testing.assert_array_equal(after, -before)
        known, before = known | {edited}, after
