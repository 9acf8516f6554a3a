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
    text = _text(content, "") + "\n"
    # Half a character, of a file name that is no text, is written as JSON escapes it: UTF-8 has none.
    return text.encode("utf-8", "backslashreplace").decode()


def _text(value: Any, margin: str) -> str:
    if _height(value) <= 2:
        return json.dumps(_ordered(value), allow_nan=False, ensure_ascii=False)
    inner = margin + " "
    if isinstance(value, dict):
        parts = [
            f"{json.dumps(key, ensure_ascii=False)}: {_text(part, inner)}"
            for key, part in _ordered(value).items()
        ]
        first, last = "{", "}"
    else:
        parts, first, last = [_text(part, inner) for part in value], "[", "]"
    return f"{first}\n{inner}" + f",\n{inner}".join(parts) + f"\n{margin}{last}"


def _ordered(value: Any) -> Any:
    if isinstance(value, dict):
        keys = sorted(value, key=lambda key: (_PLACE.get(key, len(_PLACE)), key))
        return {key: _ordered(value[key]) for key in keys}
    return [_ordered(part) for part in value] if isinstance(value, list | tuple) else value


def _height(value: Any) -> int:
    """0 for a number or a text, 1 for a list of these."""
    if not isinstance(value, dict | list | tuple):
        return 0
    parts = value.values() if isinstance(value, dict) else value
    return 1 + max((_height(part) for part in parts), default=0)
