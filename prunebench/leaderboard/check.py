"""Whether what was read is a board: one that is not must not fail in the middle of another's table."""

import math
from collections.abc import Callable, Mapping
from typing import Any

Check = Callable[[Any], bool]


def check_content(content: Any) -> None:
    """Raises `ValueError` with the place of a part that tables and charts need and that is not there."""
    _check_fields("", content, dict.fromkeys(("task", "recipe", "training", "environment"), _is_table))
    _check_fields("", content, {"evaluator": _is_text, "rows": _is_list})
    numbers = dict.fromkeys(("samples", "inputs", "tests"), _is_count)
    _check_fields("task ", content["task"], {"name": _is_text, "fingerprint": _is_text} | numbers)
    rates = dict.fromkeys(("init_std", "learning_rate", "momentum"), _is_number)
    counts = dict.fromkeys(("width", "batch_size", "steps"), _is_count)
    _check_fields("recipe ", content["recipe"], rates | counts)
    _check_training(content["training"])
    keys = set()
    for number, row in enumerate(content["rows"]):
        where = f"row {number} "
        _check_fields(where, row, _ROW)
        _check_fields(f"{where}cost ", row["cost"], _COST)
        _check_metrics(where, row, len(row["seeds"]))
        _check_shares(where, row)
        keys.add((row["scorer"], row["at_step"]))
    if len(keys) < len(content["rows"]):
        raise ValueError("two rows of one scorer at one step")


def _check_training(training: dict[str, Any]) -> None:
    _check_fields("training ", training, {"drop_step": _or_none(_is_number)})
    places = [("train_loss",), ("initial_loss",), ("groups", "all"), ("groups", "relevant")]
    for group in ("accuracy", "train_accuracy"):
        places += [(group, "dense"), (group, "merged_groups")]
    for place in places:
        part: Any = training
        for key in place:
            part = part.get(key) if isinstance(part, dict) else None
        if not isinstance(part, dict):
            raise ValueError(f"training {' '.join(place)} is missing")
    _check_metrics("training ", training, None)


def _check_metrics(where: str, level: dict[str, Any], seeds: int | None) -> None:
    """Every summary: its numbers, and one for each seed."""
    for key, value in level.items():
        if not isinstance(value, dict):
            continue
        if "mean" not in value and "per_seed" not in value:
            _check_metrics(f"{where}{key} ", value, seeds)
            continue
        _check_fields(f"{where}{key} ", value, _SUMMARY)
        if "median" in value:
            _check_fields(f"{where}{key} ", value, _MEDIAN)
        if seeds is not None and len(value["per_seed"]) != seeds:
            raise ValueError(f"{where}{key} has {len(value['per_seed'])} numbers for {seeds} seeds")
        if not all(map(_or_none(_is_number), value["per_seed"])):
            raise ValueError(f"{where}{key} holds what is no number")


def _check_shares(where: str, row: dict[str, Any]) -> None:
    """Accuracies by protocol and share; the band of the random scores."""
    for group in ("accuracy", "train_accuracy"):
        if not isinstance(row.get(group, {}), dict):
            raise ValueError(f"{where}{group} is no table of values")
        for protocol, kept in row.get(group, {}).items():
            if not isinstance(kept, dict):
                raise ValueError(f"{where}{group} {protocol} is no table of values")
            if "mean" not in kept:
                for share in kept:
                    _check_share(f"{where}{group} {protocol} ", share)
    if isinstance(row.get("spearman"), dict) and row["spearman"].get("band"):
        _check_fields(f"{where}band ", row["spearman"]["band"], {"low": _is_number, "high": _is_number})


def _check_share(where: str, share: str) -> None:
    try:
        float(share)
    except ValueError:
        raise ValueError(f"{where}{share!r} is no share") from None


def _check_fields(where: str, content: Any, fields: Mapping[str, Check]) -> None:
    if not isinstance(content, dict):
        raise ValueError(f"{where or 'it '}is no table of values")
    for key, check in fields.items():
        if key not in content:
            raise ValueError(f"{where}{key} is missing")
        if not check(content[key]):
            raise ValueError(f"{where}{key} is {str(content[key])[:40]!r}")


def _is_table(value: Any) -> bool:
    return isinstance(value, dict)


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _are_seeds(value: Any) -> bool:
    return isinstance(value, list) and len(value) > 0 and all(map(_is_count, value))


def _or_none(check: Check) -> Check:
    return lambda value: value is None or check(value)


_SUMMARY: dict[str, Check] = {"mean": _is_number, "per_seed": _is_list} | dict.fromkeys(
    ("low", "high"), _or_none(_is_number)
)
_MEDIAN: dict[str, Check] = {"median": _is_number} | dict.fromkeys(
    ("median_low", "median_high"), _or_none(_is_number)
)
_COST: dict[str, Check] = {
    "gradient_steps": _is_count,
    "extra_gradient_steps": _is_count,
    "seconds": _is_number,
}
_ROW: dict[str, Check] = {
    "scorer": _is_text,
    "name": _is_text,
    "version": _is_text,
    "source": _or_none(_is_text),
    "at_step": _is_count,
    "status": lambda value: value in ("ok", "failed"),
    "error": _or_none(_is_text),
    "command": _or_none(_is_text),
    "sees_end": _is_flag,
    "control": _is_flag,
    "relative_time": _or_none(_is_number),
    "seeds": _are_seeds,
    "cost": _is_table,
    "environment": _is_table,
    "parameters": _is_table,
    "draws": _is_count,
    "evaluator": _is_text,
}
