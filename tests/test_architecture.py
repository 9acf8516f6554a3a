"""docs/architecture.md and its picture are of the code as it is."""

import runpy
from pathlib import Path

ARCHITECTURE = runpy.run_path(str(Path(__file__).parents[1] / "ci/architecture.py"))


def test_every_room_is_there() -> None:
    rooms = {ARCHITECTURE["room"](module) for module in ARCHITECTURE["IMPORTS"]}
    assert rooms == ARCHITECTURE["FLOORS"].keys()


def test_the_picture_is_of_today_s_imports() -> None:
    """If not, `python ci/architecture.py` draws it again."""
    assert ARCHITECTURE["PICTURE"].read_text(encoding="utf-8") == ARCHITECTURE["draw"]()
