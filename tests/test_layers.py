"""Data flows one way, by the floors of docs/architecture.md: no import runs upward, and none in a circle."""

import ast
import re
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import prunebench

ROOT = Path(prunebench.__file__).parent
DOCUMENT = (Path(__file__).parents[1] / "docs/architecture.md").read_text()
FLOORS = {room: int(floor) for floor, room in re.findall(r"^\| (\d+) \| `(\w+)` \|", DOCUMENT, re.MULTILINE)}
MODULES = {
    ".".join(("prunebench", *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__"): path
    for path in sorted(ROOT.rglob("*.py"))
    if path != ROOT / "__init__.py"  # it offers the public names of all rooms
}


def room(module: str) -> str:
    return module.removeprefix("prunebench.").split(".")[0]


def imports(path: Path) -> set[str]:
    """Modules of ours, plugins too, that a file imports: at its top, in functions and for types alone."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path} imports by a relative name"
            origin = str(node.module)
            names = (f"{origin}.{alias.name}" for alias in node.names)
            found |= {name if name in MODULES else origin for name in names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return {name for name in found if name in MODULES or name.startswith("prunebench_plugins")}


IMPORTS = {module: imports(path) for module, path in MODULES.items()}


@pytest.mark.parametrize("module", MODULES)
def test_imports_come_from_lower_floors(module: str) -> None:
    own = room(module)
    assert own in FLOORS, f"docs/architecture.md does not say what {own} is for"
    others = {room(other) for other in IMPORTS[module]} - {own}
    wrong = {other for other in others if FLOORS.get(other, 99) >= FLOORS[own]}
    assert not wrong


def test_no_modules_import_each_other_in_a_circle() -> None:
    TopologicalSorter(IMPORTS).prepare()  # raises CycleError, which names the circle
