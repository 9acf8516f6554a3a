"""The README's picture of a board: `python ci/picture.py leaderboards/BOARD.json docs/leaderboard.svg`.

It is the `standing` figure that `prunebench leaderboard --figures` draws.
"""

import shutil
import sys
import tempfile
from pathlib import Path

from prunebench.leaderboard.board import Board
from prunebench.leaderboard.charts.figures import draw

source, target = map(Path, sys.argv[1:])
with tempfile.TemporaryDirectory() as scratch:
    (standing,) = draw([Board.read(source)], Path(scratch), kinds=["standing"], formats=["svg"])
    shutil.copy(standing, target)
