from dataclasses import InitVar, dataclass, field
from typing import Annotated, Any, Literal

import numpy as np
import pytest
import torch
from msgspec import Meta
from torch import nn

import prunebench as pb
from prunebench.fields import TYPES
from prunebench.plugin.plugin import changed, values_of
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


def test_a_method_has_one_name_however_its_numbers_are_written() -> None:
    assert canonical(Example(share=1)) == canonical(make("example[share=1]")) == "example[share=1.0]"
    assert canonical(Example(share=np.float64(0.25), rounds=np.int32(4))) == "example[share=0.25,rounds=4]"
    assert {type(value) for value in values_of(Example(share=1, rounds=np.int32(4))).values()} == {
        *(float, int, str, bool, type(None))
    }


def test_what_a_class_sets_itself_is_as_it_set_it() -> None:
    class Squared(Example):
        name = "squared"

        def __post_init__(self) -> None:
            self.rounds = 2.5  # type: ignore[assignment]

    assert canonical(Squared()) == "squared[rounds=2.5]"

    class Parsed(Example):
        name = "parsed"
        half: str = "1/2"

        def __post_init__(self) -> None:
            self.half = 0.5  # type: ignore[assignment]

    assert canonical(Parsed()) == "parsed[half=0.5]"


def test_parameters_of_a_base_that_is_no_dataclass_yet() -> None:
    class Base(pb.Scorer):
        alpha: float = 0.5

    class Derived(Base):
        name = "derived"
        beta: int = 1

    assert [field.name for field in Derived.parameters()] == ["alpha", "beta"]
    assert build(Derived, {"alpha": "2"}, "derived[alpha=2]", "--scorer").alpha == 2.0


def test_a_decorated_class_has_the_fields_of_a_base_that_is_not() -> None:
    class Base(pb.Scorer):
        alpha: float = 0.5

    @dataclass
    class Derived(Base):
        name = "derived"
        beta: int = 1

    assert Derived(alpha=2.0, beta=3).alpha == 2.0  # type: ignore[call-arg]


@pytest.mark.parametrize("frozen", [True, False])
def test_decorated_frozen_or_not(frozen: bool) -> None:
    @dataclass(frozen=frozen)  # type: ignore[literal-required]
    class Decorated(pb.Scorer):
        name = "decorated"
        alpha: float = 1.0

    assert Decorated(alpha=2.0).alpha == 2.0
    assert [f.name for f in Decorated.parameters()] == ["alpha"]


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({"share": "much"}, "example[share]: got 'much'; a number is needed"),
        ({"rounds": 2.5}, "example[rounds]: got 2.5; a whole number is needed"),
        ({"kind": "c"}, "example[kind]: got 'c'; one of a, b"),
        ({"fine": 1}, "example[fine]: got 1; true or false"),
        ({"limit": "none"}, "example[limit]: got 'none'; a whole number is needed"),
    ],
)
def test_types_are_checked_in_python_too(parameters: dict[str, object], named: str) -> None:
    """Before the class's own code sees the values, and whether they are given by name or in order."""

    @dataclass
    class Decorated(Example):
        def __post_init__(self) -> None:
            raise AssertionError("not reached")

    values = {field.name: field.default for field in Example.parameters()} | parameters
    for made in (
        lambda: Example(**parameters),
        lambda: Example(*values.values()),
        lambda: Decorated(**parameters),
        lambda: changed(Example(), **parameters),
    ):
        with pytest.raises(pb.RequestError) as refused:
            made()
        assert str(refused.value) == named


class Texts(Example):
    name = "texts"
    text: str = "a, b"
    other: str | None = "x"
    either: str | float = "x"
    choice: Literal["none", "all"] = "all"
    number: Literal["all", 1, "1"] = "all"


@pytest.mark.parametrize(
    ("name", "text", "needed"),
    [
        ("text", "x,other=y", "a text without commas, square brackets and blanks around it is needed"),
        ("text", "", "a text without commas, square brackets and blanks around it is needed"),
        ("text", "x]", "a text without commas, square brackets and blanks around it is needed"),
        ("other", " x", "a text without commas, square brackets and blanks around it is needed"),
        ("other", "none", "another text is needed: none stands for None"),
        ("either", 0.5, f"results are named by it: {TYPES} is needed"),
        ("number", 1, f"results are named by it: {TYPES} is needed"),
    ],
)
def test_a_text_that_would_be_read_as_another_value_names_no_method(
    name: str, text: object, needed: str
) -> None:
    """Two methods would have one name, and one's results would be taken for the other's."""
    with pytest.raises(pb.RequestError) as refused:
        canonical(Texts(**{name: text}))
    assert str(refused.value) == f"texts[{name}]: got {text!r}; {needed}"


def test_texts_that_are_read_back_name_a_method() -> None:
    assert canonical(Texts()) == "texts"
    for texts in (Texts(text="x=y"), Texts(text="none"), Texts(other=None), Texts(choice="none")):
        spec = canonical(texts)
        assert build(Texts, parse_spec(spec, "--scorer")[1], spec, "--scorer") == texts


def test_choices_in_several_literals_are_choices() -> None:
    class Chosen(Example):
        name = "chosen"
        one: Literal["a", 1] | Literal["b"] | None = "a"

    assert canonical(Chosen(one="b")) == "chosen[one=b]"
    assert build(Chosen, {"one": "1"}, "chosen[one=1]", "--scorer").one == 1
    with pytest.raises(pb.RequestError, match=r"chosen\[one\]: got 'c'; one of a, 1, b"):
        build(Chosen, {"one": "c"}, "chosen[one=c]", "--scorer")


class Weighted(pb.Scorer):
    name = "weighted"
    ws: tuple[float, ...] = (1.0, 2.0)
    table: np.ndarray | None = None
    text: str = "a"
    anything: Any = None


@pytest.mark.parametrize("key", ["ws", "table", "anything"])
def test_a_text_sets_no_parameter_of_a_type_that_is_not_known(key: str) -> None:
    """It would arrive as it is, unchecked."""
    with pytest.raises(
        pb.RequestError, match=rf"^weighted\[{key}\]: got '9-1'; its type is .*; what a text"
    ) as caught:
        build(Weighted, {key: "9-1"}, f"weighted[{key}=9-1]", "--scorer")
    assert str(caught.value).endswith("can set is str, int, float, bool, Literal, or one of these | None")


@pytest.mark.parametrize(
    "values",
    [{"ws": (1, -2)}, {"ws": "9-1"}, {"table": np.eye(2)}, {"anything": [1]}, {"anything": object()}],
)
def test_a_value_that_no_text_stands_for_names_no_method(values: dict[str, Any]) -> None:
    weighted = Weighted(**values)
    with pytest.raises(pb.RequestError, match=r"^weighted\[.*\]: got .*; results are named by it: str, int"):
        canonical(weighted)


def test_what_a_class_makes_of_a_text_names_no_method_either() -> None:
    class Split(Weighted):
        name = "split"

        def __post_init__(self) -> None:
            self.text = tuple(self.text.split("-"))  # type: ignore[assignment]

    with pytest.raises(pb.RequestError, match=r"^split\[text\]: got \('9', '1'\); results are named by it"):
        canonical(Split(text="9-1"))


def test_limits_are_part_of_a_type() -> None:
    class Limited(Example):
        name = "limited"
        power: Annotated[float, Meta(gt=0)] = 1.0

    assert Limited(power=np.float32(2), rounds=np.int64(3)).power == 2
    for refuse in (lambda: Limited(power=0), lambda: build(Limited, {"power": "0"}, "", "--scorer")):
        with pytest.raises(pb.RequestError, match=r"limited\[power\]: got 0.*; a number above 0 is needed"):
            refuse()


class Power(pb.Scorer):
    name = "power"

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = alpha

    def score(self, snapshot: pb.Snapshot) -> torch.Tensor:
        return self.alpha * snapshot.networks.norms()


class ByName(Power):
    name = "by_name"

    def __init__(self, *, alpha: float = 1.0) -> None:
        super().__init__(alpha)


class Inherits(Power):
    name = "inherits"


class Unnamed(pb.Scorer):
    alpha: InitVar[float] = 1.0  # type: ignore[assignment]  # what a user may write


class Net(pb.Network):
    name = "net"

    def __init__(self, alpha: type[nn.Module]) -> None:
        self.alpha = alpha

    def build(self, shape: tuple[int, ...], outputs: int) -> nn.Module:
        return nn.Sequential(nn.Linear(shape[0], 8), self.alpha(), nn.Linear(8, outputs))


@pytest.mark.parametrize("cls", [Power, ByName, Inherits, Unnamed, Net])
def test_what_an_init_takes_is_a_field(cls: type[pb.Scorer | pb.Network]) -> None:
    """Two instances would have one name, and one's results would be taken for the other's."""
    for refused in (cls, lambda: cls(-1.0), cls.parameters, lambda: build(cls, {}, "", "--scorer")):
        with pytest.raises(pb.RequestError) as caught:
            refused()
        called = getattr(cls, "name", "Unnamed")
        declare = "declare it as a field of the class, as in alpha: float = 1.0"
        assert str(caught.value) == f"{called}.__init__: got 'alpha'; {declare}"


def test_what_an_init_does_not_name_is_refused_when_it_is_given() -> None:
    class Free(pb.Scorer):
        name = "free"

        def __init__(self, *given: float, **named: float) -> None:
            self.given, self.named = given, named

    assert canonical(Free()) == "free"
    for refused, message in (
        (lambda: Free(-1.0), "free: got -1.0; its parameters are its fields: it has none"),
        (lambda: Free(alpha=-1.0), "free: got 'alpha'; its parameters are its fields: it has none"),
        (lambda: Example(shares=1), "example: got 'shares'; its parameters are its fields: share, rounds,"),
    ):
        with pytest.raises(pb.RequestError, match=message):
            refused()


def test_an_init_of_fields_alone_is_the_authors_own_affair() -> None:
    class Own(Example):
        name = "own"
        beta: float = 2.0

        def __init__(self, beta: float = 2.0, **others: object) -> None:
            self.beta = beta

    class Without(pb.Scorer):
        name = "without"

        def __init__(self) -> None:
            self.seen: list[int] = []

    @dataclass
    class Fixed(Example):
        name = "fixed"
        rounds: int = field(init=False, default=4)

    assert canonical(Own(3)) == "own[beta=3.0]"
    assert Without().seen == []
    assert canonical(Without()) == "without"
    assert canonical(build(Fixed, {"share": "1"}, "", "--scorer")) == "fixed[share=1.0]"


def test_types_that_are_no_parameters_hold_anything() -> None:
    class Odd(pb.Scorer):
        name = "odd"
        table: "np.ndarray | None" = None
        unknown: "SomewhereElse" = 3  # type: ignore[name-defined]

    assert Odd(table=[1], unknown="x").table == [1]


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
