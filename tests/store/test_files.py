import errno
import os
from pathlib import Path

import pytest

import prunebench as pb
from prunebench.store import files


def test_interrupted_write_leaves_the_old_file_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "board.json"
    files.write_atomically(target, "old")

    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(KeyboardInterrupt):
        files.write_atomically(target, "new")
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["board.json"]


def test_unwritable_folder_is_named(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(pb.RequestError, match="--out"):
        files.writable_folder("--out", blocked / "folder")


@pytest.mark.parametrize("length", [1, 200, 255])
def test_a_name_may_be_as_long_as_the_system_takes(tmp_path: Path, length: int) -> None:
    path = files.writable_file("--out", tmp_path / ("x" * length))
    files.write_atomically(path, "new")
    assert path.read_text() == "new"
    with pytest.raises(pb.RequestError, match="name too long"):
        files.writable_file("--out", tmp_path / ("x" * 256))


def test_a_full_disk_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"board\.json") as caught, files.atomic_file(tmp_path / "board.json"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert caught.value.filename == str(tmp_path / "board.json")
    assert os.listdir(tmp_path) == []
