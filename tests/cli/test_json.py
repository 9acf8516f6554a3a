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


ONE_NAME = """
import prunebench as pb
from torch import nn

class Net(pb.Network):
    name = "same"
    def build(self, shape, outputs):
        return 1 / 0

class Norm(pb.Scorer):
    name = "same"
    def score(self, snapshot):
        return snapshot.networks.norms()
"""


def test_a_scorer_and_a_network_of_one_name_are_both_checked(prunebench: Prunebench, tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(ONE_NAME)
    result = prunebench("check", file, "--json")
    scorer, network = json.loads(result.out)
    assert (scorer["plugin"], scorer["kind"], network["plugin"], network["kind"]) == (
        "same",
        "scorer",
        "same",
        "network",
    )
    statuses = [{one["status"] for one in checked["findings"]} for checked in (scorer, network)]
    assert ["failed" in each for each in statuses] == [False, True]
    assert result.code == 1
