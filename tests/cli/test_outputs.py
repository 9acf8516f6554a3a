"""No output option replaces anything but an ordinary file, nor a file of a store."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from in_process import QUICK, Prunebench

from prunebench.leaderboard.locations import OWN as BOARDS
from prunebench.store.files import writable_file, write_atomically
from prunebench.store.store import Store

# Commands that write the file OUT.
OUTPUTS = {
    "results": ("export", "--out", "OUT"),
    "snapshot": ("export", "--snapshot", "--dataset", "NPZ", *QUICK, "--out", "OUT"),
    "page": ("leaderboard", "--html", "OUT"),
}


def link(path: Path) -> None:
    (path.parent / "precious").write_text("precious")
    path.symlink_to("precious")


def dangling_link(path: Path) -> None:
    path.symlink_to("nowhere")


# What may be there instead of an ordinary file; devices are the system's.
THERE: dict[str, Callable[[Path], None]] = {
    "link": link,
    "dangling link": dangling_link,
    "folder": Path.mkdir,
    "pipe": os.mkfifo,
}


def listing(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Every path below with its kind, and an ordinary file's content."""
    found = {}
    for path in folder.rglob("*"):
        if path.name.endswith(("-wal", "-shm")):  # SQLite's, which readers make too
            continue
        mode = path.lstat().st_mode
        found[str(path)] = stat.S_IFMT(mode), path.read_bytes() if stat.S_ISREG(mode) else b""
    return found


@pytest.fixture
def board(quick: Prunebench) -> None:
    assert quick("--scorer", "magnitude", "--at-step", "50", "--protocol", "rank", "--quiet").code == 0


def arguments(output: str, out: str, npz: Path) -> list[str]:
    return [{"OUT": out, "NPZ": str(npz)}.get(part, part) for part in OUTPUTS[output]]


@pytest.mark.parametrize("output", OUTPUTS)
def test_what_is_no_ordinary_file_is_refused_and_stays(
    prunebench: Prunebench, board: None, npz: Path, folder: Path, output: str
) -> None:
    for name, make in THERE.items():
        make(folder / name)
    before = listing(folder)
    store = [
        f".prunebench/{name}" for name in ("results.sqlite", "results.sqlite-wal", "networks/a/b", "claims/x")
    ]
    for out in [*THERE, "/dev/null", "/dev/stdout", *store, "x" * 256, "precious/below"]:
        result = prunebench(*arguments(output, out, npz))
        assert (result.code, result.out, result.err.count("\n")) == (2, "", 1), out
        option = "--html" if output == "page" else "--out"
        assert result.err.startswith(f"prunebench: {option}: got '{out[:80]}"), result.err
    assert listing(folder) == before


@pytest.mark.parametrize("output", OUTPUTS)
def test_an_ordinary_file_is_replaced(
    prunebench: Prunebench, board: None, npz: Path, folder: Path, output: str
) -> None:
    """Beside a store's own files, too."""
    for out in (folder / "file", folder / ".prunebench" / "page", folder / "new" / "file"):
        out.parent.mkdir(exist_ok=True)
        out.write_text("old")
        assert prunebench(*arguments(output, str(out), npz)).code == 0
        assert out.read_bytes() != b"old"


@pytest.mark.parametrize("ending", ["json", "md", "csv"])
def test_a_boards_file_that_is_a_link_is_named(
    prunebench: Prunebench, quick: Prunebench, board: None, folder: Path, ending: str
) -> None:
    (name,) = [path.stem for path in (folder / BOARDS).glob("*.md")]
    path = folder / BOARDS / f"{name}.{ending}"
    path.rename(folder / "precious")
    content = (folder / "precious").read_bytes()
    path.symlink_to("../precious")
    result = quick("--scorer", "snip", "--at-step", "50", "--quiet")
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert f"{name}.{ending}" in result.err
    assert path.is_symlink()
    assert (folder / "precious").read_bytes() == content


def test_a_chart_that_is_a_pipe_is_named(prunebench: Prunebench, board: None, folder: Path) -> None:
    """Writing to it would wait for a reader for ever."""
    (name,) = [path.stem for path in (folder / BOARDS).glob("*.md")]
    (folder / "figures" / name).mkdir(parents=True)
    os.mkfifo(folder / "figures" / name / "standing.svg")
    result = prunebench("leaderboard", "--figures", "figures")
    assert result.code == 2
    assert "standing.svg'; an ordinary file is needed, and a pipe is there" in result.err


def test_a_stores_database_is_known_through_a_link_of_its_folder(tmp_path: Path) -> None:
    Store(tmp_path / "store").close()
    (tmp_path / "link").symlink_to("store")
    with pytest.raises(ValueError, match="file of a store"):
        writable_file("--out", tmp_path / "link" / "results.sqlite")
    path = writable_file("--out", tmp_path / "link" / "results.csv")
    write_atomically(path, "fine")
    assert (tmp_path / "store" / "results.csv").read_text() == "fine"
