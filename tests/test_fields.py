"""What fields accept, from their annotations alone."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import numpy as np
import pytest

import prunebench as pb
from prunebench import fields

WIDTH = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
SHARE = Annotated[float, msgspec.Meta(title="a share", gt=0, lt=1)]
KIND = Literal["a", "b", 3]


@dataclass(frozen=True)
class Example:
    width: WIDTH = 3
    share: SHARE | None = None
    kind: KIND = "a"
    flag: bool = False
    free: float = math.inf
    name: str = "x"
    other: object = None


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        (int, "a whole number is needed"),
        (str, "a text in quotes is needed"),
        (bool, "true or false"),
        (KIND, "one of a, b, 3"),
        (WIDTH, "a whole number from 1 to 1,000,000 is needed"),
        (SHARE | None, "a share between 0 and 1 is needed"),
        (Annotated[int, msgspec.Meta(ge=0)], "a whole number from 0 up is needed"),
        (Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)], "a whole number from 0 to 2^63 - 1 is needed"),
        (Annotated[float, msgspec.Meta(ge=0, lt=1)], "a number from 0 to below 1 is needed"),
        (Annotated[float, msgspec.Meta(ge=1e-30, le=100)], "a number from 1e-30 to 100 is needed"),
        (Annotated[float, msgspec.Meta(gt=0, le=1)], "a number above 0 and up to 1 is needed"),
        (Annotated[float, msgspec.Meta(gt=0)], "a number above 0 is needed"),
        (Annotated[float, msgspec.Meta(le=5)], "a number up to 5 is needed"),
        (Annotated[float, msgspec.Meta(lt=5)], "a number below 5 is needed"),
    ],
)
def test_what_is_accepted_in_words(annotation: Any, words: str) -> None:
    assert fields.accepted(annotation) == words


@pytest.mark.parametrize("annotation", [object, tuple[int, ...], int | list[int], np.ndarray, None])
def test_other_types_are_not_known(annotation: Any) -> None:
    assert fields.kind_of(annotation) is None
    with pytest.raises(
        pb.RequestError, match=r"x: got '\[1\]'; its type is .*; what a text can set is str, int,"
    ):
        fields.read("x", "[1]", annotation)


def test_a_near_choice_is_named() -> None:
    with pytest.raises(
        pb.RequestError, match="got 'initl'; did you mean 'initial'\\? one of initial, snapshot"
    ):
        fields.read("rewind", "initl", Literal["initial", "snapshot"])


@dataclass(frozen=True)
class Options:
    batch_size: Annotated[int, msgspec.Meta(ge=1, description="Samples in a minibatch.")] = 4
    steps: Annotated[
        tuple[Annotated[int, msgspec.Meta(ge=0, description="of one")], ...],
        msgspec.Meta(description="Steps.", extra={"flag": "--at-step"}),
    ] = ()
    share: SHARE | None = None
    keeps_order: Annotated[bool, msgspec.Meta(description="Of steps.")] = True
    network: Annotated[Path | None, msgspec.Meta(description="Where it is.", extra={"written": str})] = None


def test_fields_are_options() -> None:
    options = fields.options_of(Options)
    batch_size, steps, keeps_order, network = options.values()  # what has no help is of Python alone
    assert (keeps_order.flag, keeps_order.off) == ("--keeps-order", "--no-keeps-order")
    assert (network.annotation, fields.accepted(network.annotation)) == (str, "a text in quotes is needed")
    assert (batch_size.flag, batch_size.many, batch_size.default, batch_size.help) == (
        "--batch-size",
        False,
        4,
        "Samples in a minibatch.",
    )
    assert (steps.flag, steps.many, steps.default, steps.help) == ("--at-step", True, (), "Steps.")
    assert fields.accepted(steps.annotation) == "a whole number from 0 up is needed"


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("width", [0, 10**5000, True, 1.0, "3", None, math.nan, np.float64(3)]),
        ("share", [0, 1, True, "0.5", math.nan, math.inf, 10**400]),
        ("kind", ["c", None, 4, "3", [], np.zeros(3)]),
        ("flag", [0, "true", None]),
        ("free", [True, "1", 10**400, None]),
        ("name", [1, None, b"x"]),
    ],
)
def test_a_value_that_does_not_fit_is_named(name: str, values: list[Any]) -> None:
    for value in values:
        with pytest.raises(pb.RequestError) as refused:
            fields.check(Example(**{name: value}))
        assert (refused.value.option, refused.value.value) == (name, value)


def test_values_are_kept_as_their_type_has_them() -> None:
    example = Example(width=np.int64(5), share=np.float32(0.5), free=2, other=[1])
    fields.check(example)
    assert [type(value) for value in (example.width, example.share, example.free)] == [int, float, float]
    assert example == Example(5, 0.5, free=2.0, other=[1])
    fields.check(Example(free=math.nan))


@pytest.mark.parametrize(
    ("annotation", "value"),
    [(WIDTH, 5), (SHARE | None, 0.25), (SHARE | None, None), (KIND, 3), (KIND, "b"), (bool, True), (str, "")],
)
def test_what_is_written_is_read(annotation: Any, value: Any) -> None:
    assert fields.read("x", fields.written(value), annotation) == value


@pytest.mark.parametrize("annotation", [int | float, float | int, int | float | None])
def test_whole_or_not_it_is_a_number(annotation: Any) -> None:
    assert fields.accepted(annotation) == "a number is needed"
    for value in (fields.read("x", "2.5", annotation), fields.read("x", "3", annotation)):
        assert type(value) is float
    assert type(fields.convert("x", 3, annotation)) is float


@pytest.mark.parametrize(
    ("annotation", "texts"),
    [
        (int, ["x", "1.5", "", "nan", "9" * 5000, "none"]),
        (WIDTH, ["0", "9" * 30]),
        (SHARE | None, ["1", "nan", "inf", "None"]),
        (KIND, ["c", "none", ""]),
        (bool, ["1", "yes", ""]),
    ],
)
def test_text_that_cannot_be_read_is_named(annotation: Any, texts: list[str]) -> None:
    for text in texts:
        with pytest.raises(pb.RequestError) as refused:
            fields.read("x", text, annotation)
        assert refused.value.option == "x"
        assert refused.value.accepted == fields.accepted(annotation)
