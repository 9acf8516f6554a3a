import subprocess
import sys
from pathlib import Path

import pytest

from prunebench.leaderboard.folder import read_folder

FOLDER = Path(__file__).resolve().parents[2] / "leaderboards"


def test_the_committed_boards_are_what_their_records_say(tmp_path: Path) -> None:
    """Made again from the JSON records, every table and the overview are the committed bytes."""
    records = sorted(FOLDER.glob("*.json"))
    if not records:
        pytest.skip("no boards are committed yet")
    for path in [*records, *FOLDER.glob("README.md")]:
        (tmp_path / path.name).write_bytes(path.read_bytes())
    # In a process without the tests' type checks, which take three times as long as the boards.
    subprocess.run(
        [sys.executable, "-m", "prunebench", "leaderboard", "--rebuild", "--out", tmp_path], check=True
    )
    made = sorted(tmp_path.iterdir())
    forms = {path.with_suffix(suffix).name for path in records for suffix in (".json", ".md", ".csv")}
    assert {path.name for path in made} == forms | {"README.md"}
    for path in made:
        assert path.read_bytes() == (FOLDER / path.name).read_bytes(), (
            f"{path.name}: run `leaderboard --rebuild`"
        )


def test_means_and_medians_of_the_committed_boards_are_in_their_intervals() -> None:
    boards, damaged = read_folder(FOLDER)
    assert not damaged
    records = [record for board in boards.values() for record in (board.training, *board.rows)]
    found = [summary.middle for record in records for summary in record.metrics.values()]
    numbers = [(middle, low, high) for middle, low, high in found if low is not None and high is not None]
    assert len(numbers) > 0.9 * len(found)
    assert [each for each in numbers if not each[1] <= each[0] <= each[2]] == []
