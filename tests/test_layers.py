"""Data flows one way, by the floors of docs/architecture.md: no import runs upward, and none in a circle."""

import runpy
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import pytest

ARCHITECTURE: dict[str, Any] = runpy.run_path(str(Path(__file__).parents[1] / "ci/architecture.py"))
FLOORS: dict[str, int] = ARCHITECTURE["FLOORS"]
IMPORTS: dict[str, set[str]] = ARCHITECTURE["IMPORTS"]
room = ARCHITECTURE["room"]


@pytest.mark.parametrize("module", IMPORTS)
def test_imports_come_from_lower_floors(module: str) -> None:
    own = room(module)
    assert own in FLOORS, f"docs/architecture.md does not say what {own} is for"
    others = {room(other) for other in IMPORTS[module]} - {own}
    assert not {other for other in others if FLOORS.get(other, 99) >= FLOORS[own]}


def test_no_modules_import_each_other_in_a_circle() -> None:
    TopologicalSorter(IMPORTS).prepare()  # raises CycleError, which names the circle
