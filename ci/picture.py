"""A board as a picture: `python ci/picture.py leaderboards/BOARD.json docs/leaderboard.svg`."""

import sys
from pathlib import Path

from rich.console import Console

from prunebench.leaderboard.board import Board
from prunebench.leaderboard.terminal import render

source, target = map(Path, sys.argv[1:])
console = Console(record=True, width=185, file=open("/dev/null", "w"))  # noqa: SIM115 (open until the end)
console.print(render(Board.read(source)))
console.save_svg(str(target), title="prunebench leaderboard", unique_id="board")
