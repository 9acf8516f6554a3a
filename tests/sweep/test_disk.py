"""A store that cannot be written, from the start or suddenly: one line, and nothing is harmed."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from sweep_process import STUDY, records, sweep, values

import prunebench as pb

NOBODY = 65534
pytestmark = pytest.mark.xdist_group("processes that sweep")


def test_a_file_that_may_not_grow(fresh: Callable[[], Path], undisturbed: dict[Any, Any]) -> None:
    folder = fresh()
    for limit in (50_000, 100_000):  # the system refuses to write beyond
        said = sweep(folder, limit=limit)
        assert said.endswith("exit code 1"), said
        assert "results.sqlite" in said
        assert "make room and run again" in said
        assert "Traceback" not in said
        records(folder)
    assert sweep(folder).endswith("exit code 0")
    assert values(records(folder)) == undisturbed


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 300 kB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("mounting a small disk needs root")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


@pytest.mark.skipif(shutil.which("mount") is None, reason="needs mount")
def test_a_full_disk(small_disk: Path, undisturbed: dict[Any, Any]) -> None:
    (small_disk / "study.toml").write_text(STUDY)
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(150_000))
    said = sweep(small_disk)
    assert said.endswith("exit code 1"), said
    assert "make room and run again" in said
    assert "Traceback" not in said
    before = records(small_disk)
    ballast.unlink()
    subprocess.run(["mount", "-o", "remount,size=20m", small_disk], check=True)
    assert sweep(small_disk).endswith("exit code 0")
    after = records(small_disk)
    assert {key: after[key] for key in before} == before
    assert values(after) == undisturbed


def is_open_to_all(file: Path) -> bool:
    """Whether every user may come to a file."""
    return all(folder.stat().st_mode & 0o005 == 0o005 for folder in file.parents)


@pytest.mark.parametrize("there", [False, True], ids=["no store yet", "a store"])
def test_a_folder_that_may_not_be_written(there: bool) -> None:
    user = NOBODY if os.getuid() == 0 else None  # root may write anywhere
    if user is not None and not (is_open_to_all(Path(torch.__file__)) and is_open_to_all(Path(pb.__file__))):
        pytest.skip("only root may read this environment, and root may write anywhere")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "study.toml").write_text(STUDY)
        for part in ("store", "boards"):
            (folder / part).mkdir()
        if there:
            assert sweep(folder).endswith("exit code 0")
        before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        (folder / "said.txt").touch()
        for path in (folder / "said.txt", folder / "boards"):
            path.chmod(0o777)
        (folder / "store").chmod(0o555)
        said = sweep(folder, "--force", user=user)
        (folder / "store").chmod(0o755)
        assert said.endswith("exit code 2"), said
        assert "--store: got 'store'; a folder that can be written" in said
        assert len(said.splitlines()) == 2
        after = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        said_file = folder / "said.txt"
        assert {**after, said_file: b""} == {**before, said_file: b""}
