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


@pytest.fixture(autouse=True)
def _square(folder: Path) -> None:
    (folder / "square.py").write_text(SQUARE)


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
