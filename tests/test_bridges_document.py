"""docs/bridges.md does what it says."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import torch

import prunebench as pb
from prunebench.cli.main import run

pytest.importorskip("torch_pruning")
TEXT = Path(__file__).parents[1].joinpath("docs", "bridges.md").read_text()
QUICK = "--samples 40 --width 12 --steps 60 --seeds 2 --init-std 0.05"


def blocks(language: str) -> list[str]:
    found = re.findall(r"^```(\w*)\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    return [text for name, text in found if name == language]


def test_python_from_top_to_bottom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for block in blocks("python"):
        exec(block, names)
    task, final, merged = names["task"], names["run"].final, names["merged"]
    assert torch.equal(names["logits"], final.logits(task.x_test)[0])
    for networks, expected in ((names["networks"], final.select(0)), (names["batch"], final)):
        assert all(
            torch.equal(a, b)
            for a, b in zip(networks.tensors.values(), expected.tensors.values(), strict=True)
        )
    for module in (names["small"], names["model"]):
        assert [tuple(p.shape) for p in module.parameters()] == [(10, 784), (10,), (2, 10)]
    widths = [module[0].out_features for module in names["narrow"]]
    assert widths == [len(row.unique()) for row in names["labels"]]
    assert min(widths) < max(widths) < final.units
    for module, logits in zip(names["narrow"], merged.logits(task.x_test), strict=True):
        torch.testing.assert_close(module(task.x_test), logits, rtol=1e-5, atol=1e-5)
    assert torch.load("merged.pt")["0.weight"].shape == (widths[0], 784)
    scores = pb.load_scorer("growing_mode").score(names["run"].snapshot(50))[0]
    kept = names["run"].snapshots[50].select(0).keep(scores.topk(10).indices.sort().values[None])
    assert torch.equal(names["model"][0].weight, kept.w_in[0])


def test_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    commands = [line for block in blocks("") for line in block.splitlines() if line.startswith("prunebench")]
    assert len(commands) == 1
    assert run([*shlex.split(commands[0])[1:], *QUICK.split()]) == 0
    assert "torch_pruning[importance=Taylor]" in capfd.readouterr().out
