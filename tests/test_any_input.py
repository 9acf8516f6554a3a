"""Whatever comes in, a parser gives what was meant or says what is wrong: `RequestError` and nothing else."""

import contextlib
import io
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import prunebench as pb
from prunebench.fields import options_of
from prunebench.plugin.spec import canonical, parse_spec
from prunebench.run_spec import RunSpec
from prunebench.scoring.registry import load_scorer
from prunebench.sweep.study import read_study
from prunebench.tasks.classes import parse_classes, resolve_classes
from prunebench.tasks.labelled import LabelledData
from prunebench.tasks.npz import read_npz
from prunebench.tasks.spec import TaskSpec

# The same examples each time: whoever changes nothing breaks nothing.
examples = settings(max_examples=100, deadline=None, derandomize=True, database=None)

WORD = st.from_regex(r"[A-Za-z_][A-Za-z0-9_.-]{0,8}", fullmatch=True)
PRINTABLE = st.characters(exclude_characters="[],=", exclude_categories=["C", "Z"])
VALUE = st.text(PRINTABLE, min_size=1, max_size=8)
# Text that is nearly right, and any text.
SPEC_TEXT = st.text(st.sampled_from(list("ab1_.[]=, ;:'\"\n")), max_size=20) | st.text(max_size=20)
CLASS_TEXT = st.text(st.sampled_from(list("019,/ -a")), max_size=15) | st.text(max_size=15)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("input")


@examples
@given(name=WORD, parameters=st.dictionaries(WORD, VALUE, max_size=4), space=st.sampled_from(["", " "]))
def test_a_spec_is_read_as_it_was_written(name: str, parameters: dict[str, str], space: str) -> None:
    inside = f"{space},{space}".join(f"{key}{space}={space}{value}" for key, value in parameters.items())
    text = f"{name}[{space}{inside}{space}]" if parameters else name
    assert parse_spec(f"{space}{text}{space}", "--scorer") == (name, parameters)


@examples
@given(text=SPEC_TEXT)
def test_any_text_as_a_spec(text: str) -> None:
    try:
        name, parameters = parse_spec(text, "--scorer")
    except pb.RequestError:
        return
    assert name in text
    assert all(key in text and value in text for key, value in parameters.items())


@settings(examples, max_examples=40)
@given(
    sparsity=st.floats(0, 1, exclude_min=True, exclude_max=True),
    rounds=st.integers(1, 1000),
    normalise=st.booleans(),
    weights=st.sampled_from(["both", "incoming", "outgoing"]),
)
def test_the_name_of_a_scorer_rebuilds_it(
    sparsity: float, rounds: int, normalise: bool, weights: str
) -> None:
    written = f"imp[sparsity={sparsity!r},rounds={rounds},normalise={normalise},weights={weights}]"
    scorer = load_scorer(written)
    again = load_scorer(canonical(scorer))
    assert again == scorer
    assert canonical(again) == canonical(scorer)


@examples
@given(text=CLASS_TEXT)
def test_any_text_as_classes(text: str) -> None:
    try:
        sides = parse_classes(text)
    except pb.RequestError:
        return
    assert len(sides) == 2
    assert all(sides)
    assert parse_classes("/".join(",".join(map(str, side)) for side in sides)) == sides


@examples
@given(
    order=st.permutations(range(6)),
    first=st.integers(1, 5),
    last=st.integers(1, 5),
)
def test_classes_by_name_are_those_by_number_and_sides_swap(order: list[int], first: int, last: int) -> None:
    names = dict(enumerate(("ant", "bee", "cat", "dog", "elk", "fox")))
    left, right = order[:first], order[first:][:last]
    assume(right)
    numbers = resolve_classes((left, right), names)
    assert numbers == (tuple(sorted(left)), tuple(sorted(right)))
    named = ([names[number].upper() for number in left], [names[number] for number in right])
    assert resolve_classes(named, names) == numbers
    assert resolve_classes((right, left), names) == numbers[::-1]


NUMBER = st.integers(-5000, 5000) | st.floats() | st.sampled_from([0, 1, 2, 20, 0.5, 1e-5])
NAMED = st.sampled_from(["mnist5k", "rank", "snip", "0,3/1,2"])
SCALAR = NUMBER | st.booleans() | st.text(max_size=6) | NAMED
TABLES: Mapping[str, list[str]] = {
    "task": [*options_of(TaskSpec), "smaples"],
    "recipe": list(options_of(pb.Recipe)),
    "run": [*options_of(RunSpec), "until_loss"],
}


def toml(value: Any) -> str:
    """A value as TOML writes it, which is as JSON does but for numbers that JSON has not."""
    if isinstance(value, list):
        return f"[{', '.join(map(toml, value))}]"
    if isinstance(value, float):
        return str(value) if not math.isfinite(value) or value % 1 else f"{value:.1f}"
    # DEL is the one character that JSON leaves and TOML does not.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


STUDY = st.fixed_dictionaries(
    {},
    optional={
        table: st.dictionaries(st.sampled_from(keys), SCALAR | st.lists(SCALAR, max_size=3), max_size=4)
        for table, keys in TABLES.items()
    },
)


@examples
@given(study=STUDY)
def test_any_values_in_a_study(folder: Path, study: dict[str, dict[str, Any]]) -> None:
    lines = []
    for table, entries in study.items():
        lines += [f"[{table}]", *(f"{key} = {toml(value)}" for key, value in entries.items())]
    path = folder / "study.toml"
    path.write_text("\n".join(lines), encoding="utf-8")
    try:
        read = read_study(path)
    except pb.RequestError as error:
        said = str(error)
    else:
        said = f"{len(read)} jobs"
    assert "not readable as TOML" not in said
    axes = [value for table in ("task", "recipe") for value in study.get(table, {}).values()]
    jobs = math.prod(len(value) for value in axes if isinstance(value, list))
    assert said == f"{jobs} jobs" or "study.toml" in said


@examples
@given(content=st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_any_bytes_as_a_study(folder: Path, content: bytes) -> None:
    path = folder / "bytes.toml"
    path.write_bytes(content)
    with contextlib.suppress(pb.RequestError):
        assert read_study(path)


def archive(**parts: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.savez(file, **parts)  # type: ignore[arg-type]  # numpy's stubs take the arrays for its option
    return file.getvalue()


GOOD = archive(
    x_train=np.arange(24.0).reshape(6, 4),
    y_train=np.arange(6) % 2,
    x_test=np.ones((2, 4)),
    y_test=np.arange(2),
)


def read(path: Path, content: bytes) -> None:
    """Read it as data: what is taken fits together, and anything else is refused in words."""
    path.write_bytes(content)
    try:
        data = read_npz(path)
    except pb.RequestError:
        return
    assert isinstance(data, LabelledData)
    for x, y in ((data.x_train, data.y_train), (data.x_test, data.y_test)):
        assert len(x) == len(y) > 0
        assert np.isfinite(x).all()
        assert set(y.tolist()) <= set(data.names)
    assert data.x_train.shape[1:] == data.x_test.shape[1:]


DTYPES = st.one_of(
    arrays.integer_dtypes(),
    arrays.unsigned_integer_dtypes(),
    arrays.floating_dtypes(),
    arrays.complex_number_dtypes(),
    arrays.boolean_dtypes(),
    arrays.unicode_string_dtypes(max_len=3),
    arrays.datetime64_dtypes(),
)
ARRAY = arrays.arrays(DTYPES, arrays.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4))


@examples
@given(parts=st.fixed_dictionaries(dict.fromkeys(("x_train", "y_train", "x_test", "y_test"), ARRAY)))
def test_any_arrays_as_a_data_set(folder: Path, parts: dict[str, np.ndarray]) -> None:
    read(folder / "arrays.npz", archive(**parts))


@examples
@given(place=st.integers(0, len(GOOD) - 1), byte=st.integers(0, 255), end=st.integers(0, len(GOOD)))
def test_a_data_set_with_a_byte_changed_or_cut_off(folder: Path, place: int, byte: int, end: int) -> None:
    read(folder / "changed.npz", GOOD[:place] + bytes([byte]) + GOOD[place + 1 :])
    read(folder / "cut.npz", GOOD[:end])


@examples
@given(content=st.binary(max_size=80))
def test_any_bytes_as_a_data_set(folder: Path, content: bytes) -> None:
    read(folder / "bytes.npz", content)
    read(folder / "bytes.npz", GOOD[:4] + content)
