"""Data flows one way: no module imports from a layer above its own."""

import ast
from pathlib import Path

import pytest

import prunebench

ROOT = Path(prunebench.__file__).parent
# From the bottom up; what stands in one line may import from lines above it in this list, and its own.
LAYERS = [
    {"errors", "escape", "remembered", "version"},
    {"fields"},
    {"networks", "modules", "tasks", "device"},
    {"training", "theory"},
    {"scoring", "testing", "evaluation", "store"},
    {"benchmark", "leaderboard", "drawing"},
    {"sweep", "experiments"},
    {"cli", "__main__"},
]
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
FILES = sorted(path for path in ROOT.rglob("*.py") if path != ROOT / "__init__.py")


def imported(path: Path) -> set[str]:
    modules = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            if node.module == "prunebench":
                modules |= {alias.name for alias in node.names if alias.name in LEVEL}
            elif node.module.startswith("prunebench."):
                modules.add(node.module.split(".")[1])
            modules |= {"plugins"} if node.module.startswith("prunebench_plugins") else set()
    return modules


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_import_runs_upward(path: Path) -> None:
    own = path.relative_to(ROOT).parts[0].removesuffix(".py")
    assert own in LEVEL, f"{own} has no place among the layers yet"
    too_high = {name for name in imported(path) if LEVEL.get(name, 99) > LEVEL[own]}
    assert not too_high


def test_theory_and_training_stand_side_by_side() -> None:
    for path in (ROOT / "theory").glob("*.py"):
        assert "training" not in imported(path)
