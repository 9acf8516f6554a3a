"""`--json`: one document on stdout, whatever is asked."""

import json
from pathlib import Path
from typing import Any

import pytest
from in_process import QUICK, Prunebench


@pytest.mark.parametrize("what", ["scorers", "networks", "datasets", "protocols", "metrics"])
def test_lists(prunebench: Prunebench, what: str) -> None:
    listed = json.loads(prunebench("list", what, "--json").out)
    assert len(listed) > 4
    assert all(isinstance(one, dict) for one in listed)


def test_one_scorer_with_what_its_parameters_accept(prunebench: Prunebench) -> None:
    shown = json.loads(prunebench("list", "scorers", "snip", "--json").out)
    assert shown["name"] == "snip"
    [weights] = shown["parameters"]
    assert weights["default"] == "both"
    assert "gate" in weights["accepted"]
    assert "weights: one of both, incoming, outgoing, gate" in prunebench("list", "scorers", "snip").out
    result = prunebench("list", "scorers", "snib")
    assert result.code == 2
    assert "snip" in result.err


def test_results(prunebench: Prunebench, npz: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    asked = ("--scorer", "snip,alignment", "--at-step", 20, "--protocol", "rank")
    assert prunebench("run", "--dataset", npz, *QUICK, *asked).code == 0

    def read(*arguments: object) -> Any:
        return json.loads(prunebench(*arguments, "--json").out)

    [pair] = read("compare", "snip", "alignment")["comparisons"]
    assert pair["difference"] == pytest.approx(pair["first"] - pair["second"])
    status, checked, shown = read("status"), read("check", "snip"), read("show", "snip")
    assert status["holdings"][0]["networks"] == 3
    assert {one["status"] for one in checked[0]["findings"]} <= {"passed", "skipped", "reported"}
    assert [row["scorer"] for row in shown] == ["snip"]
