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
LENET = {"spec": "lenet", "version": "1", "source": "abc"}

SHARES = ("0.8", "0.65", "0.5", "0.35", "0.2")
PRUNED = ("prune_final", "merge", "prune_early", "finetune", "prune_global", "prune_global_shuffled")
METRICS = (
    *("spearman", "kendall", "spearman_by_layer", "spearman_over_layers", "top_k_overlap", "accuracy"),
    *("train_accuracy", "parameters_left", "example"),
)


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
    **recipe: Any,
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
        Recipe(init_std=init_std, steps=4000, **recipe),
        Training.read(training, "training"),
        {"torch": "x"},
        "2",
        rows,
    )


def layered(
    seed: int = 0,
    effects: dict[str, float] | None = None,
    steps: tuple[int, ...] = (0, 50),
    seeds: int = SEEDS,
    network: dict[str, str] = LENET,
    layers: dict[str, int] | None = None,
) -> Board:
    """The same of a network of several layers and ten classes: all that its rows hold, and one unfit."""
    draw = np.random.default_rng(seed)
    layers = {"conv1": 6, "conv2": 16, "fc1": 120, "fc2": 84} if layers is None else layers
    shallow = board(seed, effects, steps, seeds)
    made = []
    for one in shallow.rows:
        values = np.array(one.metrics["spearman",].per_seed, dtype=float)
        spread = {name: values + draw.normal(0, 2 / units, seeds) for name, units in layers.items()}
        banded = {"band": {"low": -0.04, "high": 0.031}} if one.scorer == "random" else {}
        kept = {
            protocol: {share: summary(values.clip(0, 1) * float(share) ** 0.2) for share in SHARES}
            for protocol in PRUNED
        }
        content = one.content() | {
            "spearman_by_layer": {name: summary(each, **banded) for name, each in spread.items()},
            "spearman_over_layers": summary(np.mean(list(spread.values()), axis=0)),
            "top_k_overlap": {share: summary(values.clip(0, 1)) for share in ("0.1", "0.2", "0.5")},
            "example": {"seed": 0, "scores": draw.normal(0, 1, sum(layers.values())).round(3).tolist()},
            "accuracy": {"dense": summary(np.full(seeds, 0.95)), **kept},
            "train_accuracy": {"dense": summary(np.ones(seeds)), **kept},
            "parameters_left": {
                "prune_global": {share: summary(np.full(seeds, float(share))) for share in SHARES}
            },
        }
        made.append(Row.read(content, "row"))
    without = {key: value for key, value in made[0].content().items() if key not in METRICS}
    unfit = {"scorer": "stable_cells", "name": "stable_cells", "status": "unfit"}
    made.append(Row.read(without | unfit | {"error": "it needs the shallow network"}, "row"))
    half = summary(np.full(seeds, 0.5))
    training = {
        "drop_step": 30.0, "initial_loss": half, "train_loss": half,
        "accuracy": {"dense": half}, "train_accuracy": {"dense": half},
        "layers": [{"name": name, "units": units} for name, units in layers.items()],
        "example": {"seed": 0, "norms": draw.uniform(0.1, 1, sum(layers.values())).round(3).tolist()},
        "sizes": {
            share: {"parameters": round(6e4 * float(share) ** 2), "multiply_adds": round(4e5 * float(share))}
            for share in ("1", *SHARES)
        },
    }  # fmt: skip
    task = shallow.task.record | {"classes": [[n] for n in range(10)], "outputs": 10, "shape": [1, 28, 28]}
    return Board(
        TaskRecord.read(task),
        Recipe.read({"network": network, "steps": 1000, "learning_rate": 0.01, "batch_size": 16}),
        Training.read(training, "training"),
        shallow.environment,
        "4",
        made,
    )
