"""`prunebench sweep` in processes that may be killed, and what a store holds after it.

The processes are forked from one that has imported everything, so that many starts take no time.
"""

import json
import multiprocessing
import os
import resource
import sys
from pathlib import Path
from typing import Any

from studies import small_study

from prunebench.cli.main import main
from prunebench.store.store import Store

STUDY = small_study(samples=[40, 60], steps=80)
_PRELOAD = ("cli.sweep", "progress", "sweep.driver", "leaderboard.terminal", "training.engines.blocked")


def start(
    folder: Path, *arguments: str, mark: str = "", limit: int | None = None, user: int | None = None
) -> Any:
    """Start a sweep of `study.toml` in `folder`; what it says goes to `said.txt`.

    `mark` goes into the command line that is recorded, and nowhere else. `limit` is the largest size of a
    file in bytes, `user` who to run as.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        [f"prunebench.{name}" for name in _PRELOAD]
        + ["prunebench_plugins.scorers.alignment", "sklearn.datasets"]
    )
    process = context.Process(target=_sweep, args=(folder, arguments, mark, limit, user))
    process.start()
    return process


def sweep(folder: Path, *arguments: str, **options: Any) -> str:
    """A whole sweep; returns what it said, and its exit code in the last line."""
    process = start(folder, *arguments, **options)
    process.join()
    return f"{(folder / 'said.txt').read_text()}exit code {process.exitcode}"


def records(folder: Path) -> dict[tuple[Any, ...], tuple[Any, str]]:
    """Everything a store holds by what names it: its value, and the mark of the sweep that computed it."""
    found: dict[tuple[Any, ...], tuple[Any, str]] = {}
    queries = {
        "network": "SELECT training, seed, step, sha256, curves, record FROM networks n "
        "JOIN provenance p ON p.id = n.provenance",
        "scores": "SELECT training, step, scorer, source, seed, error, hex(scores), record FROM scorings s "
        "JOIN provenance p ON p.id = s.provenance",
        "result": "SELECT training, step, scorer, source, seed, protocol, keep, evaluator, metrics, record "
        "FROM results r JOIN scorings s ON s.id = r.scoring JOIN provenance p ON p.id = r.provenance",
    }
    sizes = {"network": 3, "scores": 5, "result": 8}
    with Store(folder / "store", read_only=True) as store:
        assert store.rows("PRAGMA integrity_check") == [("ok",)]
        for kind, query in queries.items():
            for row in store.rows(query):
                key, value = (kind, *row[: sizes[kind]]), row[sizes[kind] : -1]
                assert key not in found, f"{key} is there twice"
                found[key] = value, json.loads(row[-1])["command"].split()[-1]
        for name in [key for key in found if key[0] == "network"]:
            store.load_state(*name[1:])
    return found


def values(found: dict[tuple[Any, ...], tuple[Any, str]]) -> dict[tuple[Any, ...], Any]:
    """The values alone, which do not depend on who computed them."""
    return {key: value for key, (value, _) in found.items()}


def _sweep(folder: Path, arguments: tuple[str, ...], mark: str, limit: int | None, user: int | None) -> None:
    os.chdir(folder)
    out = os.open("said.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    os.dup2(out, 1)
    os.dup2(out, 2)
    if limit is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    if user is not None:
        os.setgid(user)
        os.setuid(user)
    line = ["sweep", "study.toml", "--store", "store", "--out", "boards", *arguments]
    sys.argv = ["prunebench", *line, mark]
    main(line)
