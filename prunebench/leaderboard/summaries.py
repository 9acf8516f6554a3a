"""The rows of a board as lines of a table: all their summaries, by the names of columns."""

import json
from collections.abc import Iterator
from typing import Any

from msgspec import UNSET
from msgspec.structs import asdict

from prunebench.evaluation.summary import known
from prunebench.fields import options_of
from prunebench.leaderboard.column import Column
from prunebench.leaderboard.columns import layer_ceiling_columns, ranked, sections
from prunebench.leaderboard.ranks import rank_rows
from prunebench.results import WHOLE, Results
from prunebench.tasks.spec import TaskSpec


def summaries(board: Results, name: str) -> Iterator[dict[str, Any]]:
    """For each row, best first, its numbers by the names of their columns, None where there is none."""
    ranks = rank_rows(board.rows)
    columns = [column for section in sections(board) for column in section.columns]
    columns += layer_ceiling_columns(board)
    sizes = known(board.training.sizes) or {}
    costs = {name for row in board.rows for name, value in asdict(row.cost).items() if value is not UNSET}
    parts = [(column, part) for column in columns for part in column.parts]
    about = _about(board)
    for row in ranked(board.rows):
        rank = ranks.get(row.key)
        line: dict[str, Any] = {
            "board": name,
            **about,
            "scorer": row.scorer,
            "version": row.version,
            "at_step": row.at_step,
            "rank_first": rank and rank.first,
            "rank_last": rank and rank.last,
            "relative_time": row.relative_time,
            "status": row.status,
            "error": row.error,
            "seeds": len(row.seeds),
            "command": row.command,
            **{name: value for name, value in asdict(row.cost).items() if name in costs},
            **({"share_of_training": board.share_of_training(row)} if "sample_gradients" in costs else {}),
        }
        for column, part in parts:
            line[_name(column, part)] = getattr(column.summary(row), part, None)
        for share in shares_of(board):
            line |= {f"{name}_at_{share}": number for name, number in asdict(sizes[share]).items()}
        yield {name: None if value is UNSET else value for name, value in line.items()}


def _name(column: Column, part: str) -> str:
    """`spearman_low`; of a mean the metric's name, unless that ends like another part: a layer `conv_low`."""
    name = "_".join(column.path)
    is_plain = part == "mean" and not name.endswith(tuple(f"_{each}" for each in column.parts))
    return name if is_plain else f"{name}_{part}"


def _about(board: Results) -> dict[str, Any]:
    """The task and the recipe, in the columns that `prunebench export` has for them."""
    task = board.task.record
    names = ("name", "samples", "inputs", "tests", "outputs", *options_of(TaskSpec))
    recipe = board.recipe.record | ({"network": board.recipe.network_spec} if board.layered else {})
    about = {f"task_{name}": task[name] for name in dict.fromkeys(names) if name in task}
    about |= {f"recipe_{name}": value for name, value in recipe.items()}
    # The record may be anybody's.
    return {k: v if isinstance(v, str | int | float) else json.dumps(v) for k, v in about.items()}


def shares_of(board: Results) -> list[str]:
    """The shares of units kept whose sizes are known, from the largest."""
    shares = (share for share in known(board.training.sizes) or () if share != WHOLE)
    return sorted(shares, key=float, reverse=True)
