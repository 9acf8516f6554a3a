"""A study file: which runs make up a sweep (docs/sweeps.md).

Reading one computes nothing, imports nothing and opens no file but the study itself.
"""

import itertools
import math
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prunebench.errors import RequestError, unknown_name
from prunebench.evaluation.fractions import FRACTIONS, check_fractions
from prunebench.evaluation.protocols import DEFAULT_PROTOCOLS, PROTOCOLS, Protocol
from prunebench.training.initial import LARGEST_SEED, MOST_SEEDS

Check = Callable[[Any], bool]
LARGEST = 100_000


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _is_positive(value: Any) -> bool:
    return _is_number(value) and value > 0


def _is_seed(value: Any) -> bool:
    return _is_count(value) and value <= LARGEST_SEED


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


_COUNT: tuple[Check, str] = (_is_count, "a whole number from 0 up")
_NUMBER: tuple[Check, str] = (_is_number, "a number")
_POSITIVE: tuple[Check, str] = (_is_positive, "a number above 0")
_SEED: tuple[Check, str] = (_is_seed, "a whole number from 0 to 2^63 - 1")
_TEXT: tuple[Check, str] = (_is_text, "a text in quotes")
# What each key takes. In [task] and [recipe] a list of such values is an axis of the grid; in [run], where
# True stands, a list is what is needed.
TASK = {"dataset": _TEXT, "classes": _TEXT, "samples": _COUNT, "seed": _SEED, "scaling": _TEXT}
RECIPE = {
    "width": _COUNT,
    "init_std": _NUMBER,
    "learning_rate": _NUMBER,
    "momentum": _NUMBER,
    "batch_size": _COUNT,
    "steps": _COUNT,
}
RUN = {
    "scorers": (*_TEXT, True),
    "at_steps": (*_COUNT, True),
    "at_epochs": (*_COUNT, True),
    "seeds": (*_SEED, False),
    "protocols": (*_TEXT, True),
    "keep": (*_NUMBER, True),
    "until_loss": (*_POSITIVE, False),
}
_TABLES = ("task", "recipe", "run")
# Grids of their own; each takes what it does not set itself from the tables above.
GRID = "grid"
# A cell's values by table.
_Point = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Settings:
    """What is computed in a cell, from the table [run]."""

    scorers: tuple[str, ...]
    at_steps: tuple[int, ...]
    at_epochs: tuple[int, ...]
    seeds: tuple[int, ...]
    protocols: tuple[Protocol, ...]
    fractions: tuple[float, ...]
    until_loss: float | None


@dataclass(frozen=True)
class Cell:
    """One point of a grid.

    Attributes:
        task, recipe: the values that the study gives for it; what is not given takes its default.
        title: what sets it apart from the study's other cells, for people.
    """

    task: dict[str, Any]
    recipe: dict[str, Any]
    settings: Settings
    title: str


@dataclass(frozen=True)
class Study:
    """A study file that was read and found right."""

    cells: tuple[Cell, ...]


def read_study(path: Path) -> Study:
    """The study in a TOML file. `RequestError` names the key that is unknown or has a wrong value."""
    if path.exists() and not path.is_file():
        raise RequestError("STUDY", str(path), "an ordinary file is needed")
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RequestError("STUDY", str(path), f"a TOML file that can be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:  # numbers of thousands of digits are a ValueError
        raise RequestError("STUDY", str(path), f"not readable as TOML: {error}") from error
    _check_keys(path.name, content, (*_TABLES, GRID), "tables")
    common = _tables(path.name, content)
    grids = content.get(GRID, [{}])
    if not isinstance(grids, list) or not grids or not all(isinstance(grid, dict) for grid in grids):
        raise RequestError(f"{path.name} {GRID}", grids, f"a table for each grid, [[{GRID}]], is needed")
    points: list[_Point] = []
    for number, grid in enumerate(grids, start=1):
        where = f"{path.name} [[{GRID}]] {number}" if GRID in content else path.name
        _check_keys(where, grid, _TABLES, "tables")
        own = _tables(where, grid)
        points += _points(where, {table: common[table] | own[table] for table in _TABLES})
        if len(points) > LARGEST:
            raise RequestError(path.name, f"over {LARGEST:,} cells", f"up to {LARGEST:,} cells in one study")
    titles = _titles(points)
    cells = [
        Cell(point["task"], point["recipe"], _settings(point["run"]), title)
        for point, title in zip(points, titles, strict=True)
    ]
    return Study(tuple(cells))


def _tables(where: str, content: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The tables of a study or of one of its grids, each checked by itself."""
    for table in _TABLES:
        if not isinstance(content.get(table, {}), dict):
            raise RequestError(f"{where} {table}", content[table], f"a table, [{table}], is needed")
    task, recipe, run = (content.get(table, {}) for table in _TABLES)
    return {
        "task": _axes(f"{where} [task]", task, TASK),
        "recipe": _axes(f"{where} [recipe]", recipe, RECIPE),
        "run": _run(f"{where} [run]", run),
    }


def _settings(run: dict[str, Any]) -> Settings:
    seeds = run.get("seeds", 20)
    return Settings(
        scorers=tuple(run.get("scorers", ["alignment"])),
        at_steps=tuple(run.get("at_steps", [] if run.get("at_epochs") else [50])),
        at_epochs=tuple(run.get("at_epochs", [])),
        seeds=tuple(seeds) if isinstance(seeds, list) else tuple(range(seeds)),
        protocols=tuple(run.get("protocols", DEFAULT_PROTOCOLS)),
        fractions=check_fractions(run.get("keep", FRACTIONS)),
        until_loss=run.get("until_loss"),
    )


def _run(where: str, table: dict[str, Any]) -> dict[str, Any]:
    _check_keys(where, table, RUN, "keys")
    for key, value in table.items():
        check, accepted, listed = RUN[key]
        if key == "seeds":  # a number of networks, or their seeds
            listed = isinstance(value, list)
        if isinstance(value, list) != listed:
            raise RequestError(f"{where} {key}", value, f"{'a list' if listed else accepted} is needed")
        _check_values(f"{where} {key}", value if listed else [value], check, accepted)
    for protocol in table.get("protocols", ()):
        if protocol not in PROTOCOLS:
            raise unknown_name(f"{where} protocols", protocol, PROTOCOLS, "protocols")
    if "keep" in table:
        try:
            check_fractions(table["keep"])
        except RequestError as error:
            raise RequestError(f"{where} keep", error.value, error.accepted) from error
    seeds = table.get("seeds", 1)
    count = len(seeds) if isinstance(seeds, list) else seeds
    if not 1 <= count <= MOST_SEEDS:
        raise RequestError(f"{where} seeds", count, f"1 to {MOST_SEEDS:,} networks are needed")
    return table


def _axes(where: str, table: dict[str, Any], known: dict[str, tuple[Check, str]]) -> dict[str, list[Any]]:
    _check_keys(where, table, known, "keys")
    axes = {key: value if isinstance(value, list) else [value] for key, value in table.items()}
    for key, values in axes.items():
        _check_values(f"{where} {key}", values, *known[key])
    return axes


def _points(where: str, tables: dict[str, dict[str, Any]]) -> list[_Point]:
    """Every combination of the values of the axes in [task] and [recipe]."""
    axes = [(table, key, values) for table in ("task", "recipe") for key, values in tables[table].items()]
    if (count := math.prod(len(values) for _, _, values in axes)) > LARGEST:
        raise RequestError(where, f"{count:,} cells", f"up to {LARGEST:,} cells in one study")
    points = []
    for values in itertools.product(*(values for _, _, values in axes)):
        point: _Point = {"task": {}, "recipe": {}, "run": tables["run"]}
        for (table, key, _), value in zip(axes, values, strict=True):
            point[table][key] = value
        points.append(point)
    return points


def _titles(points: list[_Point]) -> list[str]:
    """For each point the values that are not the same in all of them."""
    titles: list[list[str]] = [[] for _ in points]
    for table, known in (("task", TASK), ("recipe", RECIPE), ("run", RUN)):
        for key in known:
            texts = [_text(point[table].get(key)) for point in points]
            if len(set(texts)) > 1:
                for title, text in zip(titles, texts, strict=True):
                    title.extend([f"{key}={text}"] if text else [])
    return [" ".join(title) or "the only cell" for title in titles]


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(map(str, value))
    return "" if value is None else str(value)


def _check_keys(where: str, table: dict[str, Any], known: Sequence[str] | dict[str, Any], noun: str) -> None:
    for key in table:
        if key not in known:
            raise unknown_name(where, key, known, noun)


def _check_values(where: str, values: list[Any], check: Check, accepted: str) -> None:
    if not values:
        raise RequestError(where, values, "at least one value is needed")
    for value in values:
        if not check(value):
            raise RequestError(where, value, f"{accepted} is needed")
    if len(set(values)) < len(values):
        raise RequestError(where, values, "each value once")
