"""`--network` on the command line: what is wrong with one is one line."""

from pathlib import Path
from typing import Any

import pytest

FILE = """
import prunebench as pb
from torch import nn

class Net(pb.Network):
    name = "my_net"
    width: int = 8
    dropout: bool = False
    def build(self, shape, outputs):
        drops = [nn.Dropout()] if self.dropout else []
        return nn.Sequential(
            nn.Flatten(), nn.LazyLinear(self.width), nn.ReLU(), *drops, nn.Linear(self.width, outputs)
        )

class Raises(pb.Network):
    name = "raises"
    def build(self, shape, outputs):
        return 1 / 0

class Norm(pb.Scorer):
    name = "norm"
    def score(self, snapshot):
        return snapshot.networks.norms()
"""


@pytest.fixture
def run(prunebench: Any, folder: Path, npz: Path) -> Any:
    (folder / "mine.py").write_text(FILE)
    (folder / "broken.py").write_text("raise ValueError('at import')")
    init = "class Init(pb.Network):\n    name = 'init'\n    def __init__(self, act): self.act = act\n"
    (folder / "init.py").write_text(f"import prunebench as pb\n{init}")
    quick = ["--classes", "all", "--samples", "40", "--steps", "20", "--seeds", "2", "--protocol", "rank"]
    return lambda *options: prunebench("run", "--dataset", npz, *quick, "--at-step", "0", *options)


def test_a_network_and_a_scorer_of_one_file(run: Any) -> None:
    result = run("--plugin", "mine.py", "--network", "my_net[width=4]", "--scorer", "norm", "--json")
    assert result.code == 0, result.err
    assert result.json["recipe"]["network"]["spec"] == "my_net[width=4]"
    assert all(row["status"] == "ok" for row in result.json["rows"])


@pytest.mark.parametrize(
    ("network", "words"),
    [
        ("mine.py:Net[dropout=true]", ["random numbers of Dropout (3)", "p=0"]),
        ("mine.py:Net[width=1]", ["layer 1", "2 units at least"]),
        ("mine.py:Net[depth=1]", ["my_net has no parameter 'depth'", "width=8"]),
        ("mine.py:Raises", ["does not build", "ZeroDivisionError: division by zero (mine.py:18 in build)"]),
        ("mine.py:Norm", ["networks in mine.py: Net, Raises"]),
        ("mine.py", ["name the class in it: mine.py:Class"]),
        ("broken.py:Net", ["broken.py", "does not load: ValueError: at import"]),
        ("nothing.py:Net", ["nothing.py", "that exists is needed"]),
        ("init.py:Init", ["init.py", "init.__init__: got 'act'; declare it as a field of the class"]),
        ("lenett", ["did you mean 'lenet'"]),
        ("lenet", ["(1, 6, 6)", "12 x 12 or more"]),
        ("lenet[width=0]", ["lenet[width]", "a number above 0"]),
        ("torchvision[model=vit_b_16]", ["VisionTransformer"]),
    ],
)
def test_what_cannot_be_is_one_line(run: Any, network: str, words: list[str]) -> None:
    result = run("--network", network, "--scorer", "snip")
    assert (result.code, result.out) == (2, "")
    assert len(result.err.splitlines()) == 1
    for word in words:
        assert word in result.err


LOUD = """
import prunebench as pb
from torch import nn

class Loud(pb.Network):
    name = "loud"

    def build(self, shape, outputs):
        print("BUILD")
        return nn.Sequential(nn.Flatten(), nn.LazyLinear(8), nn.ReLU(), nn.Linear(8, outputs))
"""


def test_what_a_network_prints_is_no_part_of_a_status(prunebench: Any, folder: Path, npz: Path) -> None:
    (folder / "loud.py").write_text(LOUD)
    (folder / "study.toml").write_text(
        f'[task]\ndataset = "{npz}"\nsamples = 40\n[recipe]\nnetwork = "loud.py:Loud"\n'
    )
    result = prunebench("status", "study.toml", "--json")
    assert result.code == 0
    assert [job["job"] for job in result.json] == ["the only job"]
    assert "BUILD" in result.err
    assert "BUILD" not in prunebench("status", "study.toml").out
