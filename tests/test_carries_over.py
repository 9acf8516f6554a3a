"""docs/what-carries-over.md says what the committed boards say."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_its_tables_are_those_of_the_boards() -> None:
    command = [sys.executable, "ci/carries_over.py", "--check"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
