from dataclasses import dataclass
from typing import Literal

import pytest
import torch

import prunebench as pb
from prunebench.plugin.spec import build, canonical, parse_spec


class Example(pb.Scorer):
    """The decorator is left out on purpose."""

    name = "example"
    share: float = 0.5
    rounds: int = 3
    kind: Literal["a", "b"] = "a"
    fine: bool = False
    limit: int | None = None

    def score(self, snapshot: pb.Snapshot) -> torch.Tensor:
        return snapshot.networks.norms()


def make(spec: str) -> pb.Scorer:
    return build(Example, parse_spec(spec, "--scorer")[1], spec, "--scorer")


def test_parameters_take_their_fields_types() -> None:
    scorer = make("example[share=0.25, rounds=4,kind=b,fine=true,limit=7]")
    assert (scorer.share, scorer.rounds, scorer.kind, scorer.fine, scorer.limit) == (0.25, 4, "b", True, 7)  # type: ignore[attr-defined]
    assert make("example[limit=none]") == Example()


def test_canonical_leaves_defaults_out_and_reads_back() -> None:
    assert canonical(make("example[share=0.5]")) == "example"
    spec = canonical(make("example[rounds=4,fine=true]"))
    assert spec == "example[rounds=4,fine=true]"
    assert make(spec) == make("example[fine=true,rounds=4]")


def test_parameters_of_a_base_that_is_no_dataclass_yet() -> None:
    class Base(pb.Scorer):
        alpha: float = 0.5

    class Derived(Base):
        name = "derived"
        beta: int = 1

    assert [field.name for field in Derived.parameters()] == ["alpha", "beta"]
    assert build(Derived, {"alpha": "2"}, "derived[alpha=2]", "--scorer").alpha == 2.0


@pytest.mark.parametrize("frozen", [True, False])
def test_decorated_frozen_or_not(frozen: bool) -> None:
    @dataclass(frozen=frozen)  # type: ignore[literal-required]
    class Decorated(pb.Scorer):
        name = "decorated"
        alpha: float = 1.0

    assert Decorated(alpha=2.0).alpha == 2.0
    assert [f.name for f in Decorated.parameters()] == ["alpha"]


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("example[", "name or name"),
        ("", "name or name"),
        ("example[share]", "name=value"),
        ("example[share=1,share=2]", "once"),
        ("example[shares=1]", "no parameter 'shares'; its parameters: share=0.5"),
        ("example[share=much]", "a number is needed"),
        ("example[rounds=2.5]", "whole number"),
        ("example[kind=c]", "one of a, b"),
        ("example[fine=1]", "true or false"),
    ],
)
def test_bad_specs_are_one_clear_line(spec: str, message: str) -> None:
    with pytest.raises(pb.RequestError, match=message.replace("[", r"\[")) as caught:
        make(spec)
    assert "\n" not in str(caught.value)
