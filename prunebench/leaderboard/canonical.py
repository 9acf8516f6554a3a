"""JSON that people can compare line by line: a summary a line, and equal records give equal bytes."""

import json
from typing import Any

# What a reader looks for comes first; all other keys follow by name.
_FIRST = (
    *("schema", "scorer", "name", "at_step", "version", "status", "error", "seeds", "command", "cost"),
    *("task", "recipe", "evaluator", "intervals", "environment", "training", "rows"),
    *("mean", "low", "high", "median", "median_low", "median_high", "kept", "band", "per_seed", "first_draw"),
)
_PLACE = {key: place for place, key in enumerate(_FIRST)}


def canonical_json(content: dict[str, Any]) -> str:
    """The text; only what holds containers of containers is broken into lines. `ValueError`: not finite."""
    text, _ = _text(content, "")
    # Half a character, of a file name that is no text, is written as JSON escapes it: UTF-8 has none.
    return f"{text}\n".encode("utf-8", "backslashreplace").decode()


def _text(value: Any, margin: str) -> tuple[str, int]:
    """The text, and its height: 0 of a number or a text, 1 of a list of these."""
    if isinstance(value, dict):
        keys = sorted(value, key=lambda key: (_PLACE.get(key, len(_PLACE)), key))
        found = [
            (f"{json.dumps(key, ensure_ascii=False)}: ", *_text(value[key], f"{margin} ")) for key in keys
        ]
        first, last = "{}"
    elif isinstance(value, list | tuple):
        found = [("", *_text(part, f"{margin} ")) for part in value]
        first, last = "[]"
    else:
        return json.dumps(value, allow_nan=False, ensure_ascii=False), 0
    parts = [key + part for key, part, _ in found]
    height = 1 + max((inner for _, _, inner in found), default=0)
    if height <= 2:
        return f"{first}{', '.join(parts)}{last}", height
    between = f",\n{margin} ".join(parts)
    return f"{first}\n{margin} {between}\n{margin}{last}", height
