"""Boards made up for the tests: rows of twenty networks whose numbers are drawn."""

from typing import Any

import numpy as np
from msgspec import to_builtins
from msgspec.structs import replace

from prunebench.evaluation.statistics import summarise
from prunebench.leaderboard.board import Board
from prunebench.results import Row, TaskRecord, Training
from prunebench.training.recipe import Recipe

SEEDS = 20


def summary(values: np.ndarray, **more: Any) -> dict[str, Any]:
    return to_builtins(summarise({("x",): values})["x",]) | more


def with_metric(row: Row, *path: str, **changes: Any) -> Row:
    """The row with other numbers in a metric."""
    return replace(row, metrics=row.metrics | {path: replace(row.metrics[path], **changes)})


def row(scorer: str, step: int, values: np.ndarray, /, **changes: Any) -> Row:
    content = {
        "scorer": scorer, "name": scorer, "parameters": {}, "version": "1", "source": "abc", "draws": 1,
        "sees_end": scorer == "oracle", "control": scorer in ("oracle", "random"), "at_step": step,
        "relative_time": step / 300, "status": "ok", "error": None, "seeds": list(range(len(values))),
        "cost": {"gradient_steps": step, "extra_gradient_steps": 0, "seconds": 0.01},
        "evaluator": "2", "command": "prunebench sweep study.toml", "environment": {"torch": "x"},
        "spearman": summary(values), "kendall": summary(values / 2),
        "accuracy": {"dense": summary(values), "prune_final": {"0.1": summary(values.round(2), kept=30)}},
        "train_accuracy": {"dense": summary(values)},
    }  # fmt: skip
    return Row.read(content | changes, "row")


def board(
    seed: int = 0,
    effects: dict[str, float] | None = None,
    steps: tuple[int, ...] = (0, 50),
    seeds: int = SEEDS,
    fingerprint: str | None = None,
    init_std: float = 1e-5,
) -> Board:
    """Scorers whose values are 0.4 + their effect, on networks that differ."""
    draw = np.random.default_rng(seed)
    effects = {"good": 0.3, "fair": 0.1, "also fair": 0.1, "random": 0.0} if effects is None else effects
    rows = []
    for step in steps:
        network = draw.normal(0.4, 0.1, seeds)
        for scorer, effect in effects.items():
            values = network + effect + draw.normal(0, 0.05, seeds)
            chance = {"spearman": summary(values, band={"low": -0.04, "high": 0.031}), "draws": 10}
            rows.append(row(scorer, step, values, **(chance if scorer == "random" else {})))
    one = summary(np.full(seeds, 0.5))
    training = {
        "drop_step": 300.0, "initial_loss": one, "train_loss": one, "groups": {"all": one, "relevant": one},
        "accuracy": {"dense": one, "merged_groups": one},
        "train_accuracy": {"dense": one, "merged_groups": one},
    }  # fmt: skip
    task = {
        "name": "mnist5k", "samples": 800, "inputs": 784, "tests": 400,
        "fingerprint": fingerprint or f"f{seed}", "dataset": "mnist5k", "classes": [[0, 3], [1, 2]],
        "seed": 0, "scaling": "symmetric",
    }  # fmt: skip
    return Board(
        TaskRecord.read(task),
        Recipe(init_std=init_std, steps=4000),
        Training.read(training, "training"),
        {"torch": "x"},
        "2",
        rows,
    )
