"""A store of 100,000 results. Times are of this process alone: other work on the machine does not count."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from synthetic import fill, plans

import prunebench as pb
from prunebench.benchmark.plan import Plan
from prunebench.store.export import ResultTable
from prunebench.store.status import read_status
from prunebench.store.store import Store

pytestmark = pytest.mark.slow
RESULTS = 104_160


@pytest.fixture(scope="module")
def many() -> list[Plan]:
    return plans(pb.load_task("digits", samples=60), 8)


@pytest.fixture(scope="module")
def store(many: list[Plan], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with fill(tmp_path_factory.mktemp("large"), many) as store:
        yield store


def test_status_takes_less_than_a_second(store: Store) -> None:
    assert store.folder is not None
    began = time.process_time()
    status = read_status(Path(store.folder))
    assert time.process_time() - began < 0.5
    assert sum(held.results for held in status.holdings) == RESULTS
    assert sum(held.networks for held in status.holdings) == 160


def test_a_board_takes_less_than_five_seconds(store: Store) -> None:
    """In a process without the tests' type checks, which take longer than the board."""
    assert store.folder is not None
    done = subprocess.run(
        [sys.executable, "-c", WRITE_BOARD, str(store.folder)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])},
        capture_output=True,
        text=True,
        check=True,
    )
    seconds, rows, *lengths = map(float, done.stdout.split())
    assert seconds < 5
    assert rows == 50
    assert min(lengths) > 0


WRITE_BOARD = """
import sys, time
from pathlib import Path
import prunebench as pb
from synthetic import plans
from prunebench.benchmark.document import document
from prunebench.benchmark.missing import inventory_of
from prunebench.console import console
from prunebench.leaderboard.board import Board
from prunebench.leaderboard.terminal import render
from prunebench.leaderboard.text import markdown, to_csv
from prunebench.store.store import Store

plan = plans(pb.load_task("digits", samples=60), 8)[3]
began = time.process_time()
with Store.to_read(Path(sys.argv[1])) as store:
    board = Board.of(document(plan, inventory_of(plan, store), store, {"utc": "now"}))
texts = board.to_json(), markdown(board), to_csv(board)
terminal = console()
with terminal.capture() as shown:
    terminal.print(render(board))
print(time.process_time() - began, len(board.rows), *map(len, texts), len(shown.get()))
"""


def test_every_number_is_exported(store: Store) -> None:
    table = ResultTable(store)
    count = sum(1 for _ in table)
    numbers = sum(
        len(draws)
        for (text,) in store.rows("SELECT metrics FROM results")
        for draws in json.loads(text).values()
    )
    assert (count, table.damaged) == (numbers, 0)
