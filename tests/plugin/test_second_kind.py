"""Another kind of plugin needs its base class, its checks and five words; nothing here knows what it is."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import prunebench as pb
from prunebench.plugin.conformance import Checks
from prunebench.plugin.isolation import Isolation, StandIn
from prunebench.plugin.kind import PluginKind
from prunebench.plugin.registry import Registry
from prunebench.plugin.spec import canonical

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
SQUARE = """
import os
from kind_of_shapes import Shape

class Square(Shape):
    name = "square"
    side: float = 1.0
    def area(self):
        return self.side * abs(self.side)

class Exits(Shape):
    name = "exits"
    def area(self):
        os._exit(3)
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "kind_of_shapes.py").write_text(KIND)
    (tmp_path / "square.py").write_text(SQUARE)
    return tmp_path


@pytest.fixture
def shapes(folder: Path) -> PluginKind[Any]:
    import kind_of_shapes  # type: ignore[import-not-found]

    return kind_of_shapes.SHAPES


def test_it_is_found_and_loaded(shapes: PluginKind[Any]) -> None:
    registry = Registry(shapes, ["square.py"])
    assert set(registry.plugins) == {"square", "exits"}  # and no scorers
    assert registry.load("square[side=2]").area() == 4
    with pytest.raises(pb.RequestError, match="shape: got 'squar'; did you mean 'square'"):
        registry.load("squar")
    with pytest.raises(pb.RequestError, match=r"square\[side\]: got 'x'; a number is needed"):
        registry.load("square[side=x]")
    Path("scorer.py").write_text("import prunebench as pb\nclass Mine(pb.Scorer):\n    name = 'mine'\n")
    assert not Registry(shapes, ["scorer.py"]).plugins  # what is of another kind is for others
    with pytest.raises(pb.RequestError, match=r"shape: got 'scorer.py:Mine'; there is no shape in scorer.py"):
        Registry(shapes).load("scorer.py:Mine")
    Path("nothing.py").write_text("import prunebench as pb\nclass Mine: name = 'mine'\n")
    with pytest.raises(pb.RequestError, match="it has no shape: a class that derives from prunebench"):
        _ = Registry(shapes, ["nothing.py"]).plugins


def test_it_runs_in_a_process_of_its_own_and_is_checked_there(shapes: PluginKind[Any]) -> None:
    checks: Checks[Any] = sys.modules["kind_of_shapes"].CHECKS
    with Isolation(shapes, 20.0, ["square.py"]) as isolation:
        square = isolation.load("square[side=4]")
        assert isinstance(square, StandIn)
        assert canonical(square) == "square[side=4.0]"
        isolation.prepare(square)
        assert isolation.ask("area", square) == {"area": 16}
        assert [(f.status, f.seen) for f in checks.run(square)] == [
            ("passed", "area 16.0"),
            ("reported", "large"),
        ]
        wrong, after = checks.run(isolation.load("square[side=-1]"))
        assert (wrong.status, wrong.seen, wrong.cause) == ("failed", "area -1.0", "a sign")
        assert (after.status, after.seen) == ("not run", "it needs the check 'area' to pass")
        lost, _ = checks.run(isolation.load("exits"))
        assert "exit code 3" in lost.seen
        assert lost.cause == "a loop"


def test_no_torch_is_needed(folder: Path, shapes: PluginKind[Any]) -> None:
    code = (
        "import sys\nfrom kind_of_shapes import SHAPES\nfrom prunebench.plugin.isolation import Isolation\n"
        "with Isolation(SHAPES, 20.0, ['square.py']) as isolation:\n    isolation.load('square')\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=folder)
