"""JSON that people can compare line by line: a summary a line, and equal records give equal bytes."""

import json
from typing import Any

from prunebench.escape import for_json

# What a reader looks for comes first; all other keys follow by name.
_FIRST = (
    *("schema", "scorer", "name", "at_step", "version", "status", "error", "seeds", "command", "cost"),
    *("task", "recipe", "evaluator", "intervals", "environment", "training", "rows"),
    *("mean", "low", "high", "median", "median_low", "median_high", "kept", "band", "per_seed", "first_draw"),
)
_PLACE = {key: place for place, key in enumerate(_FIRST)}
_encode = json.JSONEncoder(allow_nan=False, ensure_ascii=False).encode


def canonical_json(content: dict[str, Any]) -> str:
    """The text; only what holds containers of containers is broken into lines. `ValueError`: not finite."""
    text, _ = _text(content, "")
    return for_json(f"{text}\n")


def _text(value: Any, margin: str) -> tuple[str, int]:
    """The text, and its height: 0 of a number or a text, 1 of a list of these."""
    if isinstance(value, dict):
        value = {key: value[key] for key in sorted(value, key=_place)}
        parts, first, last = value.values(), "{", "}"
        names = [f"{_encode(key)}: " for key in value]
    elif isinstance(value, list | tuple):
        parts, first, last = value, "[", "]"
        names = [""] * len(value)
    else:
        return _encode(value), 0
    if not any(isinstance(part, dict | list | tuple) for part in parts):
        return _encode(value), 1
    found = [_text(part, f"{margin} ") for part in parts]
    lines = [name + text for name, (text, _) in zip(names, found, strict=True)]
    height = 1 + max(inner for _, inner in found)
    if height <= 2:
        return f"{first}{', '.join(lines)}{last}", height
    between = f",\n{margin} ".join(lines)
    return f"{first}\n{margin} {between}\n{margin}{last}", height


def _place(key: str) -> tuple[int, str]:
    return _PLACE.get(key, len(_PLACE)), key
