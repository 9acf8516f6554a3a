"""A kind of plugins with a process that imports no torch, and so starts in a moment."""

from pathlib import Path
from typing import Any

import pytest

from prunebench.plugin.kind import PluginKind

KIND = """
from typing import ClassVar

from prunebench.plugin.conformance import Checks, Violation
from prunebench.plugin.kind import PluginKind
from prunebench.plugin.plugin import Plugin
from prunebench.plugin.server import serve

class Shape(Plugin):
    round: ClassVar[bool] = False
    def area(self):
        raise NotImplementedError

SHAPES = PluginKind("shape", "prunebench.shapes", "kind_of_shapes:Shape", "kind_of_shapes", ("round",))
CHECKS = Checks(raised=("an area", "a wrong formula"), lost=("an area", "a loop"))

@CHECKS.add("area")
def area(shape):
    if (seen := shape.area()) <= 0:
        raise Violation(f"area {seen}", "an area above 0", "a sign")
    return f"area {seen}"

@CHECKS.add("size", ("area",), reports=True)
def size(shape):
    return "large" if shape.area() > 10 else "small"

if __name__ == "__main__":
    serve(SHAPES, {"check": CHECKS.answer, "area": lambda shape, folder: {"area": shape.area()}})
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "kind_of_shapes.py").write_text(KIND)
    return tmp_path


@pytest.fixture
def shapes(folder: Path) -> PluginKind[Any]:
    import kind_of_shapes  # type: ignore[import-not-found]

    return kind_of_shapes.SHAPES
