"""Data as compact JSON for the page: repeated values by number, numbers of a scatter in two letters."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from prunebench.evaluation.summary import Number

DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
Shares = str | list[Number | None]
LEVELS = len(DIGITS) ** 2  # of a score or norm in a scatter: finer than a screen
PER_ONE = 1000  # steps in which numbers from -1 to 1, and what is near, are written


class Numbered:
    """Distinct values and their numbers, so that what many rows share is written once."""

    def __init__(self) -> None:
        self.values: list[Any] = []
        self._numbers: dict[str, int] = {}

    def number(self, value: Any) -> int:
        """The number of this value, a new one if it is new."""
        key = json.dumps(value, sort_keys=True)
        if key not in self._numbers:
            self._numbers[key] = len(self.values)
            self.values.append(value)
        return self._numbers[key]


def pack_shares(values: Sequence[Number | None]) -> Shares:
    """Numbers from -1.5 to 2.594: `PER_ONE (1.5 + value)` in two digits; the last of all is none.

    With another among them, as a share of a low ceiling may be, they stay a list.
    """
    codes = [LEVELS - 1 if value is None else round(PER_ONE * (1.5 + value)) for value in values]
    fits = all(value is None or 0 <= code < LEVELS - 1 for value, code in zip(values, codes, strict=True))
    return _text(codes) if fits else list(values)


def pack(values: Sequence[float]) -> list[Any]:
    """Numbers of any magnitude in two characters each: `scale sinh(low + code (high - low) / (LEVELS - 1))`.

    The steps are even near 0 and relative above the scale, 0.3 % over ten decades.
    """
    numbers = np.asarray(values, dtype=float)
    sizes = np.abs(numbers[numbers != 0])
    scale = float(f"{np.quantile(sizes, 0.05):.6g}") if len(sizes) else 1.0
    bent = np.arcsinh(numbers / scale)
    low, high = (float(f"{end:.9g}") for end in (bent.min(), bent.max()))
    width = (high - low) or 1.0
    codes = np.clip(np.rint((bent - low) / width * (LEVELS - 1)), 0, LEVELS - 1).astype(int)
    return [scale, low, high, _text(codes.tolist())]


def _text(codes: Iterable[int]) -> str:
    return "".join(DIGITS[code // len(DIGITS)] + DIGITS[code % len(DIGITS)] for code in codes)


def to_script(data: Any) -> str:
    """JSON that is inert inside `<script>`, whatever text it holds: ASCII without `<`, `>` and `&`."""
    text = json.dumps(data, allow_nan=False, separators=(",", ":"))
    return text.translate({ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&"})
