"""A command as the tests call it: in process, with what it printed and its exit code."""

import json
from collections.abc import Callable
from typing import Any, NamedTuple


class Result(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Prunebench = Callable[..., Result]
QUICK = (
    "--samples",
    "40",
    "--width",
    "16",
    "--steps",
    "120",
    "--seeds",
    "3",
    "--init-std",
    "0.05",
    "--learning-rate",
    "0.02",
)
