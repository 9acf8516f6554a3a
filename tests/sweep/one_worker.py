"""A sweep of a small study with one worker, which is this process."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from studies import small_study

from prunebench.benchmark.reporter import Reporter
from prunebench.store.store import Store
from prunebench.sweep import driver
from prunebench.sweep.boards import Boards
from prunebench.sweep.cluster import Cluster
from prunebench.sweep.plans import Options, plans_of
from prunebench.sweep.study import read_study
from prunebench.sweep.to_do import find_to_do

STUDY = small_study()


@dataclass
class Future:
    value: Any

    def done(self) -> bool:
        return True

    def result(self) -> Any:
        return self.value

    def release(self) -> None: ...


class Client:
    """In place of Dask's: one worker, which does each job at once."""

    def __init__(self, size: int = 2) -> None:
        self.size = size
        self.submitted: list[Any] = []

    def nthreads(self) -> dict[str, int]:
        return dict.fromkeys(map(str, range(self.size)), 1)

    def submit(self, do: Callable[..., Any], *arguments: Any, pure: bool) -> Future:
        assert not pure
        self.submitted.append(arguments)
        return Future(do(*arguments))


class Lines(Reporter):
    def __init__(self) -> None:
        self.lines: list[str] = []
        self.bars: list[tuple[int, int]] = []

    def plan(self, text: str) -> None:
        self.lines.append(text)

    def progress(self, stage: str, done: int, total: int, unit: str) -> None:
        if stage == "jobs":
            self.bars.append((done, total))


class Sweep:
    """A sweep of the study into a store."""

    def __init__(self, folder: Path, store: Store, text: str = STUDY) -> None:
        (folder / "study.toml").write_text(text)
        (folder / "boards").mkdir(exist_ok=True)
        self.jobs = plans_of(read_study(folder / "study.toml"))
        self.store, self.folder, self.lines = store, folder, Lines()

    def __call__(self, client: Any = None, *, force: bool = False) -> int:
        """Here, or on the workers of a client."""
        items, boards = find_to_do(self.jobs, self.store, force=force), Boards(self.folder / "boards")
        address = None if client is None else "tcp://worker:1"
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(driver, "remote_client", lambda _: nullcontext(client))
            patch.setattr(Cluster, "_wait", lambda _: None)
            return driver.sweep(
                items, Options(), self.store, self.lines, boards, force=force, cluster=address
            )

    def results(self) -> list[tuple[Any, ...]]:
        return self.store.rows(
            "SELECT training, seed, step, scorer, protocol, keep, metrics FROM results "
            "JOIN scorings ON id = scoring ORDER BY 1, 2, 3, 4, 5, 6"
        )
