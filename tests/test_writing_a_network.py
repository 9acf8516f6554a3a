"""The vision transformer of docs/writing-a-network.md, whose layers are named, keeps what is said of it."""

import json
import re
from pathlib import Path

import pytest

from prunebench.cli.main import run

PAGE = Path(__file__).parents[1] / "docs" / "writing-a-network.md"
TASK = "--dataset digits --classes all --samples 40 --steps 4 --learning-rate 0.02 --batch-size 16 --seeds 2"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    block = re.search(r"^```python\n(# my_vit.py\n.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert block is not None
    monkeypatch.chdir(tmp_path)
    Path("my_vit.py").write_text(block[1])
    return "my_vit.py"


def test_it_keeps_the_contract(file: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["check", "--verbose", file]) == 0
    out = capfd.readouterr().out
    assert "layers blocks.0.fc1 (32), blocks.1.fc1 (32)" in out
    assert "ok     derivatives" in out


@pytest.mark.filterwarnings("ignore:Unwrapped parameters detected")  # Torch-Pruning's, of the positions
def test_every_scorer_ranks_its_units(file: str, capfd: pytest.CaptureFixture[str]) -> None:
    network = ["--network", f"{file}:MyViT[width=4,hidden=6]", "--scorer", "all", "--at-step", "0"]
    assert run(["run", *network, *TASK.split(), "--json"]) == 0
    rows = json.loads(capfd.readouterr().out)["rows"]
    assert [row["error"] for row in rows if row["status"] not in ("ok", "unfit")] == []
    assert {"fisher", "grasp", "growing_mode", "taylor"} <= {r["scorer"] for r in rows if r["status"] == "ok"}


def test_without_its_layers_the_refusal_says_what_helps(file: str, capfd: pytest.CaptureFixture[str]) -> None:
    text = Path(file).read_text()
    Path(file).write_text(text.replace("    def layers(", "    def other("))
    assert run(["check", file]) == 1
    [line] = [line for line in capfd.readouterr().out.splitlines() if "seen:" in line]
    assert "the parameter position of VisionTransformer (the module itself)" in line
    assert "or name the layers to prune by layers() (docs/writing-a-network.md)" in line
