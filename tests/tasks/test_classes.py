from typing import Any

import numpy as np
import pytest

import prunebench as pb
from prunebench.tasks.classes import parse_classes, resolve_classes

NAMES = {0: "zebra", 1: "Horse", 2: "horse", 7: "7"}


@pytest.mark.parametrize(
    ("text", "classes"),
    [
        ("0,3/1,2", ((0, 3), (1, 2))),
        (" 0 , 3 / 1,2 ", ((0, 3), (1, 2))),
        ("7/10", ((7,), (10,))),
        ("airplane,cat/Ankle boot,2", (("airplane", "cat"), ("Ankle boot", 2))),
        ("-1/2", (("-1",), (2,))),
    ],
)
def test_parse(text: str, classes: Any) -> None:
    assert parse_classes(text) == classes


@pytest.mark.parametrize("text", ["", "0,3", "0/1/", "/1", "0,3/", "0,,3/1", "0,/1", ","])
def test_parse_refuses(text: str) -> None:
    with pytest.raises(pb.RequestError, match=r"classes.*such as 0,3/1,2"):
        parse_classes(text)


@pytest.mark.parametrize(
    ("classes", "sides"),
    [
        ("2,0/7", ((0, 2), (7,))),
        ("horse/Horse", ((2,), (1,))),
        ("ZEBRA/7", ((0,), (7,))),
        ([["7"], ["zebra"]], ((7,), (0,))),
        ((2, [0, 1], 7), ((2,), (0, 1), (7,))),
        ((np.int64(2), 7, np.uint8(0)), ((2,), (7,), (0,))),
    ],
)
def test_resolve(classes: Any, sides: Any) -> None:
    assert resolve_classes(classes, NAMES) == sides


@pytest.mark.parametrize("classes", ["-1/2", "9" * 6000 + "/1", "0/1.5", "0/true", [[0], [True]], [[0], [3]]])
def test_resolve_refuses(classes: Any) -> None:
    with pytest.raises(pb.RequestError, match=r"classes.*classes: "):
        resolve_classes(classes, NAMES)
