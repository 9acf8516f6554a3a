"""Files of a store that are not there any more, or are something else: one line that names the file."""

import os
import shutil
import socket
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import prunebench as pb
from prunebench.benchmark.plan import Plan
from prunebench.benchmark.run import run_plan
from prunebench.errors import PrunebenchError
from prunebench.store import database
from prunebench.store.absorb import absorb
from prunebench.store.database import FILE, StoreError
from prunebench.store.store import Store


@pytest.fixture
def plan(task: pb.Task, recipe: pb.Recipe) -> Plan:
    return Plan(task, recipe, [pb.load_scorer("magnitude")], (15,), (0, 1), device="cpu", fractions=(0.5,))


def results(store: Store) -> list[Any]:
    return store.rows("SELECT metrics FROM results ORDER BY metrics")


@pytest.mark.parametrize(
    "lost", [("",), ("-wal",), ("-shm",), ("-wal", "-shm"), ("", "-wal", "-shm")], ids="+".join
)
@pytest.mark.parametrize("writing", [True, False], ids=["writing", "closing"])
def test_a_database_that_is_deleted_in_use_is_said_and_kept(
    tmp_path: Path, plan: Plan, lost: tuple[str, ...], writing: bool
) -> None:
    folder = tmp_path / "store"
    store = Store(folder)
    run_plan(plan, store=store)
    before = results(store)
    for ending in lost:
        (folder / f"{FILE}{ending}").unlink()
    with pytest.raises(StoreError, match=f"{FILE}.*: deleted while it was in use; all results are") as error:
        store.register("t" * 32, plan.task, plan.recipe) if writing else store.close()
    assert "run again" in str(error.value)
    store.close()
    with Store(folder) as again:
        assert again.rows("PRAGMA integrity_check") == [("ok",)]
        assert results(again) == before
        assert [path.name for path in folder.iterdir() if path.name.endswith(".tmp")] == []


def test_a_folder_that_is_deleted_in_use_keeps_its_results(tmp_path: Path, plan: Plan) -> None:
    folder = tmp_path / "store"
    store = Store(folder)
    document = run_plan(plan, store=store)
    shutil.rmtree(folder)
    with pytest.raises(StoreError, match="back in their place, run again"):
        store.close()
    with Store(folder) as again:
        assert run_plan(plan, store=again).rows == document.rows  # with networks trained anew


def test_a_database_that_is_replaced_in_use_stays_and_ours_is_kept_beside_it(
    tmp_path: Path, plan: Plan
) -> None:
    folder = tmp_path / "store"
    store = Store(folder)
    run_plan(plan, store=store)
    before = results(store)
    for ending in ("", "-wal", "-shm"):
        (folder / f"{FILE}{ending}").unlink()
    Store(folder).close()
    with pytest.raises(StoreError, match=r"replaced while it was in use; .* for `prunebench merge`"):
        store.close()
    with Store(folder) as new:
        assert results(new) == []
        (kept,) = folder.glob(f"rescued-*/{FILE}")
        with Store(kept.parent, read_only=True) as ours:
            absorb(new, ours)
        assert results(new) == before


def pipe(path: Path) -> None:
    os.mkfifo(path)


def listening(path: Path) -> None:
    with closing(socket.socket(socket.AF_UNIX)) as server:
        here = Path.cwd()
        os.chdir(path.parent)  # a socket's name is short
        server.bind(path.name)
        os.chdir(here)


def device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def text(path: Path) -> None:
    path.write_text("this is no database, and long enough to be seen as none" * 50)


def sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(50 * 10**9)


def sparse_database(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE photos (x)")
    os.truncate(path, 50 * 10**9)


ODD: dict[str, tuple[str, Callable[[Path], None]]] = {
    "a pipe": (FILE, pipe),
    "a folder": (FILE, Path.mkdir),
    "a device": (FILE, device),
    "a socket": (FILE, listening),
    "text": (FILE, text),
    "50 GB of nothing": (FILE, sparse),
    "50 GB of something else": (FILE, sparse_database),
    "a pipe beside it": (f"{FILE}-wal", pipe),
    "a folder beside it": (f"{FILE}-shm", Path.mkdir),
    "a device beside it": (f"{FILE}-journal", device),
}


@pytest.mark.parametrize("kind", ODD)
@pytest.mark.parametrize("read_only", [False, True], ids=["to write", "to read"])
def test_a_file_that_is_something_else_is_named(tmp_path: Path, kind: str, read_only: bool) -> None:
    """And nothing waits for it, or reads it whole."""
    name, make = ODD[kind]
    folder = tmp_path / "store"
    folder.mkdir()
    if name != FILE:
        Store(folder).close()
    make(folder / name)
    with pytest.raises(PrunebenchError, match=name) as error:
        Store(folder, read_only=read_only)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["networks", "claims"])
def test_a_folder_that_is_a_file_is_named(tmp_path: Path, plan: Plan, name: str) -> None:
    (tmp_path / name).write_text("")
    with Store(tmp_path) as store, pytest.raises(StoreError, match=f"/{name}/") as error:
        run_plan(plan, store=store)
    assert "\n" not in str(error.value)


def test_a_lock_that_is_held_is_named(tmp_path: Path, plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.1)
    with Store(tmp_path) as store, closing(sqlite3.connect(tmp_path / FILE, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match=rf"{FILE}: database is locked: another process has kept it"):
            store.register(plan.training, plan.task, plan.recipe)
        other.execute("ROLLBACK")
        store.register(plan.training, plan.task, plan.recipe)
