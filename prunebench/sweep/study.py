"""A study file: which runs make up a sweep (docs/sweeps.md).

Reading one computes nothing, imports nothing and opens no file but the study itself.
"""

import itertools
import math
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

from msgspec import Meta

from prunebench.errors import RequestError, unknown_name
from prunebench.fields import Option, accepted, convert, options_of
from prunebench.run_spec import RunSpec
from prunebench.store.records import Key
from prunebench.tasks.spec import TaskSpec
from prunebench.training.defaults import recipe_with_defaults
from prunebench.training.recipe import Recipe
from prunebench.training.seeds import MOST_SEEDS

LARGEST = 100_000
# What each table takes. In the first two a list of values is an axis of the grid. `until_loss` stood in [run]
# before it was a recipe's, and may stand there still.
_MOVED = "until_loss"
_AXES = {"task": options_of(TaskSpec), "recipe": options_of(Recipe)}
_TABLES = {
    table: {name: replace(option, many=True) for name, option in options.items()}
    for table, options in _AXES.items()
} | {"run": {**options_of(RunSpec), _MOVED: options_of(Recipe)[_MOVED]}}
_Networks = Annotated[int, Meta(title="a whole number of networks", ge=1, le=MOST_SEEDS)]
# Grids of their own; each takes what it does not set itself from the tables above.
GRID = "grid"
ONLY = "the only job"  # where nothing sets one apart
# A job's values by table.
_Given = dict[str, Any]
_Point = dict[str, _Given]


@dataclass(frozen=True)
class Job:
    """What a sweep computes as one: a point of a study's grid.

    Attributes:
        title: what sets it apart from the study's other jobs, for people; empty for one that is alone.
        held: what its board has rows of already, which are not to be computed.
    """

    task: TaskSpec
    recipe: Recipe
    run: RunSpec
    title: str = ""
    held: frozenset[Key] = frozenset()

    @classmethod
    def of(cls, task: _Given, recipe: _Given, run: _Given, title: str = "") -> "Job":
        """The job of the values that are given (`seeds` may be a number); others have their default."""
        spec = TaskSpec(**task)
        if isinstance(networks := run.get("seeds"), int):
            run = run | {"seeds": tuple(range(networks))}
        return cls(spec, recipe_with_defaults(spec.dataset, recipe), RunSpec(**run), title)


def read_study(path: Path, scorers: Sequence[str] = ()) -> tuple[Job, ...]:
    """The jobs of a TOML file; `scorers`, where there are some, take the place of its own.

    `RequestError` names the key that is unknown or has a wrong value.
    """
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
            raise RequestError(path.name, f"over {LARGEST:,} jobs", f"up to {LARGEST:,} jobs in one study")
    if scorers:  # before jobs are named by what sets them apart
        points = [point | {"run": point["run"] | {"scorers": tuple(scorers)}} for point in points]
    if len(grids) > 1:  # which may have some in common
        points = list({repr(Job.of(**point, title="")): point for point in points}.values())
    return tuple(Job.of(**point, title=title) for point, title in zip(points, _titles(points), strict=True))


def _tables(where: str, content: dict[str, Any]) -> _Point:
    """The tables of a study or of one of its grids, each checked by itself; what is an axis is a tuple."""
    tables: _Point = {}
    for table, options in _TABLES.items():
        given = content.get(table, {})
        if not isinstance(given, dict):
            raise RequestError(f"{where} {table}", given, f"a table, [{table}], is needed")
        if table in _AXES:
            given = {key: value if isinstance(value, list) else [value] for key, value in given.items()}
        _check_keys(f"{where} [{table}]", given, options, "keys")
        tables[table] = {
            key: _checked(f"{where} [{table}] {key}", value, options[key]) for key, value in given.items()
        }
    if _MOVED in tables["run"] and _MOVED in tables["recipe"]:
        raise RequestError(f"{where} [run] {_MOVED}", tables["run"][_MOVED], "[recipe] has it already")
    if _MOVED in tables["run"]:
        tables["recipe"] = {_MOVED: (tables["run"].pop(_MOVED),)} | tables["recipe"]
    return tables


def _checked(where: str, value: Any, option: Option) -> Any:
    if option.name == "seeds":  # a number of networks, or their seeds
        count = convert(where, (len(value) or 1) if isinstance(value, list) else value, _Networks)
        if not isinstance(value, list):
            return count
    if isinstance(value, list) != option.many:
        needed = "a list is needed" if option.many else accepted(option.annotation)
        raise RequestError(where, value, needed)
    if not option.many:
        return convert(where, value, option.annotation)
    values = [convert(where, each, option.annotation) for each in value]
    if not values:
        raise RequestError(where, values, "at least one value is needed")
    if len(set(values)) < len(values):
        raise RequestError(where, values, "each value once")
    return tuple(values)


def _points(where: str, tables: _Point) -> list[_Point]:
    """Every combination of the values of the axes in [task] and [recipe]."""
    count = math.prod(len(values) for table in _AXES for values in tables[table].values())
    if count > LARGEST:
        raise RequestError(where, f"{count:,} jobs", f"up to {LARGEST:,} jobs in one study")
    tasks, recipes = (
        [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]
        for axes in (tables[table] for table in _AXES)
    )
    return [{"task": task, "recipe": recipe, "run": tables["run"]} for task in tasks for recipe in recipes]


def _titles(points: list[_Point]) -> list[str]:
    """For each point the values that are not the same in all of them."""
    titles: list[list[str]] = [[] for _ in points]
    for table, options in _TABLES.items():
        for key in options:
            texts = [_text(point[table].get(key)) for point in points]
            if len(set(texts)) > 1:
                for title, text in zip(titles, texts, strict=True):
                    title.extend([f"{key}={text}"] if text else [])
    return [" ".join(title) or ONLY for title in titles]


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return "" if value is None else str(value)


def _check_keys(where: str, given: dict[str, Any], known: Iterable[str], noun: str) -> None:
    for key in given:
        if key not in known:
            raise unknown_name(where, key, known, noun)
