"""Many boards in one small file: the published ones, as they come with an installed package.

The rows of a board are columns there, which compress well: one for every part of every metric. What can be
computed from the numbers per seed in no time is left out, and so are the scores of single networks.
A build packs the file before anything is installed (setup.py), so only the standard library is imported here.
"""

import json
import lzma
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from prunebench.errors import RequestError

Content = dict[str, Any]  # a board's JSON, or a part of it

# Digits of a correlation over a whole network, which is never a tie or half of the last digit shown, as that
# of a layer of six units may be; and of a training curve, which is drawn and never compared.
CORRELATION, CURVE = 11, 7
_ALL_DIGITS = 17  # of any number
DIGITS = {"curves": CURVE, "kendall": CORRELATION, "spearman": CORRELATION} | {
    f"spearman_{of}": CORRELATION for of in ("within_groups", "over_layers", "shuffled_labels", "with")
}
LACKS = (
    f"This copy came with prunebench: correlations have {CORRELATION} digits, training curves {CURVE}, and "
    "single networks' scores, which charts draw, are left out. The whole board is in the repository, in "
    "`leaderboards/`."
)
# Of an accuracy the median and its interval are order statistics; the intervals of other means take long.
_DERIVED, _OF_THE_MEDIAN = ("mean", "median", "median_low", "median_high"), ("low", "high")
_BETWEEN = "\t"  # the keys on the way to a value
_EVERY = None  # in place of the rows' numbers, where all rows have the value


def pack(contents: Iterable[Content]) -> bytes:
    """Boards, each as its JSON file has it, as the bytes of one file; equal boards give equal bytes."""
    boards = [
        content
        | {"lacks": LACKS}
        | {"training": _slim(content["training"]), "rows": _columns([*map(_slim, content["rows"])])}
        for content in contents
    ]
    text = json.dumps(boards, separators=(",", ":"))
    return lzma.compress(text.encode(), preset=9 | lzma.PRESET_EXTREME)


def unpack(path: Path) -> list[Content]:
    """The boards in a file, with neither means nor medians. Raises `RequestError`: it holds none."""
    try:
        boards = json.loads(lzma.decompress(path.read_bytes()))
        return [board | {"rows": list(_rows(board["rows"]))} for board in boards]
    except (OSError, lzma.LZMAError, ValueError, KeyError, TypeError) as error:
        accepted = f"a folder with boards, or a file that boards were packed in ({error})"
        raise RequestError("out", str(path), accepted) from error


def summaries(level: Content, *path: str) -> Iterator[tuple[tuple[str, ...], Content]]:
    """The metrics of a row or a training by their paths, each as the JSON file has it."""
    for key, value in level.items():
        if isinstance(value, dict):
            yield from [((*path, key), value)] if "per_seed" in value else summaries(value, *path, key)


def _slim(record: Content) -> Content:
    """A row or a training without what is left out, and with some numbers in fewer digits."""
    return {
        key: _cut(value, DIGITS.get(key, _ALL_DIGITS)) for key, value in record.items() if key != "example"
    }


def _cut(value: Any, digits: int) -> Any:
    """Without what follows from the numbers per seed, and with so many digits."""
    if isinstance(value, dict):
        out: tuple[str, ...] = ()
        if "per_seed" in value:
            out = _DERIVED + (_OF_THE_MEDIAN if "median" in value else ())
        return {key: _cut(part, digits) for key, part in value.items() if key not in out}
    if isinstance(value, list):
        return [_cut(part, digits) for part in value]
    return float(f"{value:.{digits}g}") if isinstance(value, float) else value


def _columns(rows: list[Content]) -> Content:
    """By the way to a value: the numbers of the rows that have it, and the values."""
    found: dict[str, tuple[list[int], list[Any]]] = {}
    for number, row in enumerate(rows):
        for way, value in _leaves(row):
            numbers, values = found.setdefault(_BETWEEN.join(way), ([], []))
            numbers.append(number)
            values.append(value)
    return {
        way: [_EVERY if len(numbers) == len(rows) else numbers, values]
        for way, (numbers, values) in sorted(found.items())
    }


def _leaves(value: Any, way: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(value, dict) and value:
        for key, part in value.items():
            yield from _leaves(part, (*way, key))
    else:
        yield way, value


def _rows(columns: Content) -> list[Content]:
    count = max((len(values) for numbers, values in columns.values() if numbers is _EVERY), default=0)
    rows: list[Content] = [{} for _ in range(count)]
    for joined, (numbers, values) in columns.items():
        *way, last = joined.split(_BETWEEN)
        for number, value in zip(range(count) if numbers is _EVERY else numbers, values, strict=True):
            level = rows[number]
            for key in way:
                level = level.setdefault(key, {})
            level[last] = value
    return rows
