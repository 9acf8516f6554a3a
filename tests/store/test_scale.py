"""A store of 100,000 results. Times are of this process alone: other work on the machine does not count."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from synthetic import fill, plans

import prunebench as pb
from prunebench.benchmark import Plan
from prunebench.benchmark.document import document
from prunebench.leaderboard.board import Board
from prunebench.leaderboard.terminal import console, render
from prunebench.leaderboard.text import markdown, to_csv
from prunebench.store.status import read_status
from prunebench.store.store import Store
from prunebench.store.table import ResultTable

pytestmark = pytest.mark.slow
RESULTS = 104_160


@pytest.fixture(scope="module")
def many(task: pb.Task) -> list[Plan]:
    return plans(task, 8)


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


def test_a_board_takes_less_than_five_seconds(store: Store, many: list[Plan]) -> None:
    written(many[0], store)  # the imports
    began = time.process_time()
    board, texts = written(many[3], store)
    assert time.process_time() - began < 5
    assert len(board.rows) == 50
    assert all(texts)


def written(plan: Plan, store: Store) -> tuple[Board, list[str]]:
    """A plan's board, in all its forms."""
    board = Board.of(document(plan, store, {"utc": "now"}))
    with console().capture() as shown:
        console().print(render(board))
    return board, [board.to_json(), markdown(board), to_csv(board), shown.get()]


def test_every_number_is_exported(store: Store) -> None:
    table = ResultTable(store)
    count = sum(1 for _ in table)
    numbers = sum(
        len(draws)
        for (text,) in store.rows("SELECT metrics FROM results")
        for draws in json.loads(text).values()
    )
    assert (count, table.damaged) == (numbers, 0)
