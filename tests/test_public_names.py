"""The public names: listed once, for type checkers, and imported when they are used."""

import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import prunebench as pb


def test_every_listed_name_is_there() -> None:
    assert {"Scorer", "Networks", "train", "theory", "__version__"} <= set(dir(pb))
    for name in pb.__all__:
        found = getattr(pb, name)
        assert isinstance(found, str) or found.__name__.split(".")[-1] == name
        assert inspect.ismodule(found) == (name == "theory")
    with pytest.raises(AttributeError, match="has no attribute 'Scorers'"):
        _ = pb.Scorers


def test_the_reference_has_them_all() -> None:
    page = (Path(__file__).parents[1] / "docs" / "api.md").read_text(encoding="utf-8")
    assert {*re.findall(r"^::: prunebench\.(\w+)", page, re.MULTILINE)} == {*pb.__all__} - {"__version__"}


def test_nothing_is_imported_to_know_them() -> None:
    code = "import sys, prunebench as pb\ndir(pb)\nprint([n for n in sys.modules if n[:11] == 'prunebench.'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
