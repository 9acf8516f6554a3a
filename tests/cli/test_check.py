import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

GOOD = """
import os, random, time
import numpy as np
import torch
import prunebench as pb

class Good(pb.Scorer):
    name = "good"
    alpha: float = 0.5
    def score(self, snapshot):
        gradient = snapshot.networks.gradient(snapshot.x, snapshot.y)
        return snapshot.networks.norms() ** self.alpha * gradient.norms() ** (1 - self.alpha)
"""
# What each does with a good scorer's `scores`, and what `check` says of it: the check, what it saw, why.
BAD = {
    "leaks": (
        "return scores.cumsum(dim=0)",
        ["seed batch", "alone, network 2 gets scores that differ", "a loop that carries a result over"],
    ),
    "sorts": ("return scores.sort(dim=1).values", ["neuron order", "scores that were sorted"]),
    "mutates": (
        "snapshot.networks.w_in.mul_(2); return scores",
        ["unchanged", "networks.w_in", "in-place operation"],
    ),
    "global_torch": (
        "return scores * torch.rand_like(scores)",
        ["global generator", "torch.manual_seed changes the scores", "draw from snapshot.generators()"],
    ),
    "global_numpy": (
        "return scores * float(np.random.rand() + 1) ** torch.arange(12)",
        ["global generator", "draw from snapshot.generators()"],
    ),
    "whole": ("return scores.argsort(dim=1)", ["scores", "returned torch.int64", "argsort gives int64"]),
    "listed": ("return scores.tolist()", ["scores", "returned list", "use torch.stack"]),
    "sparse": ("return scores.to_sparse()", ["scores", "torch.sparse_coo", "return scores.to_dense()"]),
    "unprintable": (
        "raise type('Odd', (Exception,), {'__str__': lambda self: 1 / 0})",
        ["scores", "it raised Odd: its message cannot be shown"],
    ),
    "based": ("raise BaseException('no')", ["scores", "it raised BaseException: no (mine.py:"]),
    "interrupts": ("raise KeyboardInterrupt", ["scores", "it raised KeyboardInterrupt"]),
    "later": (
        "type(self).calls = getattr(type(self), 'calls', 0) + 1\n"
        "        if self.calls > 2: raise ValueError('again')\n        return scores",
        ["unchanged", "ValueError: again"],
    ),
    "device": ("return scores.to('meta')", ["scores", "on meta", "made without device="]),
    "nan": ("return scores * float('nan')", ["scores", "NaN or infinite", "division by a norm"]),
    "constant": ("return torch.zeros_like(scores)", ["scores", "constant score", "gradients that are 0"]),
    "upside_down": ("return -scores", ["higher = keep", "dominant neuron", "return its negative"]),
    "raises": (
        "raise ValueError('no')",
        ["scores", "it raised ValueError: no (mine.py:", "in score)", "debugger", "Traceback (most recent"],
    ),
    "stops": ("raise SystemExit(3)", ["scores", "it raised SystemExit: 3"]),
    "exits": ("os._exit(3)", ["scores", "ended its process with exit code 3", "a call that ends"]),
    "hangs": ("time.sleep(1000)", ["scores", "did not end within 12 s", "a loop that does not end"]),
}  # fmt: skip


def bad(name: str, body: str) -> str:
    return (
        f"\nclass {name.capitalize()}(Good):\n    name = '{name}'\n"
        f"    def score(self, snapshot):\n        scores = super().score(snapshot)\n        {body}\n"
    )


def by_scorer(text: str) -> Iterator[tuple[str, str]]:
    """What was printed under each scorer's name."""
    parts: list[list[str]] = []
    for line in text.splitlines():
        if line.endswith("(mine.py)"):
            parts.append([line.split()[0]])
        elif parts:
            parts[-1].append(line)
    yield from ((name, "\n".join(lines)) for name, *lines in parts)


def test_every_misbehaviour_is_named_with_its_cause(prunebench: Any, folder: Path) -> None:
    text = GOOD + "".join(bad(name, body) for name, (body, _) in BAD.items())
    (folder / "mine.py").write_text(text)
    result = prunebench("check", "mine.py", "--timeout", "12")
    assert result.code == 1
    assert f"1 of {len(BAD) + 1} scorers keep the contract" in result.out
    said = dict(by_scorer(result.out))
    assert set(said) == {"good", *BAD}
    assert "FAILED" not in said["good"]
    for name, (_, [check, *words]) in BAD.items():
        assert said[name].count("FAILED") == 1, said[name]
        assert f"FAILED {check}" in said[name]
        for word in words:
            assert word in said[name], said[name]


def test_one_scorer_takes_less_than_ten_seconds_of_work(prunebench: Any) -> None:
    """Of this process and its worker: a machine that is busy with other things takes longer."""
    began = time.process_time()
    result = prunebench("check", "alignment", "snip[weights=gate]", "--verbose")
    assert result.code == 0, result.out
    assert "2 of 2 scorers keep the contract" in result.out
    assert "weights^" in result.out
    assert "MB for 5 networks of 300 neurons" in result.out
    assert time.process_time() - began < 20


def test_one_class_of_a_file(prunebench: Any, folder: Path) -> None:
    (folder / "mine.py").write_text(GOOD + bad("raises", "raise ValueError('no')"))
    result = prunebench("check", "./mine.py:Good[alpha=0.3]", "mine.py:good[alpha=0.3]")
    assert result.code == 0, result
    assert "good[alpha=0.3] (mine.py)" in result.out
    assert "1 of 1 scorers keep the contract" in result.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], ["NAME", "--all"]),
        (["snap"], ["did you mean 'snip'"]),
        (["nothing.py"], ["plugin: got", "nothing.py"]),
        (["snip[weight=gate]"], ["no parameter 'weight'"]),
        (["mine.py:Goof"], ["plugin: got", "mine.py:Goof", "did you mean 'Good'"]),
        (["mine.py", "broken.py"], ["broken.py", "it does not load: ModuleNotFoundError"]),
        (["mine.py:Good", "broken.py:Good"], ["broken.py", "it does not load: ModuleNotFoundError"]),
        (["mine.py", "taken.py"], ["taken.py", "its name 'snip' is taken by prunebench"]),
        (["all.py"], ["all.py", "the name 'all' stands for something else; rename it"]),
        (["empty.py:Good"], ["empty.py", "Good overrides neither score nor score_network"]),
        (["taken.py:Good"], ["taken.py", "its name 'snip' is taken by prunebench"]),
    ],
)
def test_wrong_requests_are_one_line(
    prunebench: Any, folder: Path, arguments: list[str], words: list[str]
) -> None:
    (folder / "mine.py").write_text(GOOD)
    (folder / "broken.py").write_text("import a_module_that_is_not_there")
    (folder / "taken.py").write_text(GOOD.replace('"good"', '"snip"'))
    (folder / "all.py").write_text(GOOD.replace('"good"', '"all"'))
    (folder / "empty.py").write_text(GOOD.replace("def score(", "def scores("))
    result = prunebench("check", *arguments)
    assert result.code == 2
    assert result.out == ""
    assert len(result.err.strip().splitlines()) == 1
    for word in words:
        assert word in result.err


@pytest.mark.slow
def test_what_ships_keeps_the_contract(prunebench: Any) -> None:
    result = prunebench("check", "--all")
    assert result.code == 0, result.out
