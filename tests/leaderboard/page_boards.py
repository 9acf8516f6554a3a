"""Boards made up for the page and the figures: right in shape, with hostile names among the scorers."""

from typing import Any

import numpy as np

from prunebench.leaderboard.board import Board
from prunebench.leaderboard.page_data import page_data
from prunebench.results import Row, TaskRecord, Training
from prunebench.training.recipe import Recipe

SHARES = ("0.5", "0.2", "0.1", "0.05", "0.02", "0.01")
HOSTILE = (
    "<script>document.title='owned'</script>",
    "</script><img src=x onerror=\"document.title='owned'\">",
    "<a href=\"javascript:document.title='owned'\">click</a>",
    "<!-- <b>$1 \u2028 &lt;i&gt; | ${`x`}",
)
Draw = np.random.Generator


def summary(draw: Draw, centre: float, seeds: int, **more: Any) -> dict[str, Any]:
    values = np.clip(centre + draw.normal(0, 0.03, seeds), -1, 1)
    mean = float(values.mean())
    ends = {"low": mean - 0.02, "high": min(1.0, mean + 0.02)}
    return {"mean": mean, **ends, "per_seed": values.tolist()} | more


def accuracy(draw: Draw, centre: float, seeds: int, **more: Any) -> dict[str, Any]:
    found = summary(draw, centre, seeds, **more)
    low, median, high = np.quantile(found["per_seed"], (0.25, 0.5, 0.75)).tolist()
    middle = {"median": median, "median_low": low, "median_high": high}
    return found | {"low": None, "high": None} | middle


def row(
    draw: Draw, scorer: str, step: int, quality: float, width: int, seeds: int, **more: Any
) -> dict[str, Any]:
    def accuracies(dense: float, protocols: tuple[str, ...]) -> dict[str, Any]:
        return {"dense": accuracy(draw, dense, seeds)} | {
            protocol: {
                share: accuracy(
                    draw,
                    dense - 0.1 * (1.2 - quality) * (0.5 / float(share)) ** 0.3,
                    seeds,
                    kept=max(1, round(float(share) * width)),
                )
                for share in SHARES
            }
            for protocol in protocols
        }

    protocols = ("prune_final", "merge", "prune_early") if step == 0 else ("prune_final", "merge")
    norms = norms_of(width)
    return {
        "scorer": scorer, "name": scorer, "parameters": {}, "version": "1", "source": "abc", "draws": 1,
        "sees_end": False, "control": False, "at_step": step, "relative_time": step / 100, "status": "ok",
        "error": None, "seeds": list(range(seeds)),
        "cost": {"gradient_steps": step, "extra_gradient_steps": 0, "seconds": 0.01 * seeds},
        "evaluator": "2", "command": f"prunebench run --scorer '{scorer}' --at-step {step}",
        "environment": {"torch": "2.11", "utc": "2026-01-01T00:00:00+00:00"},
        "spearman": summary(draw, quality, seeds), "kendall": summary(draw, 0.7 * quality, seeds),
        "spearman_within_groups": summary(draw, quality, seeds),
        "top_k_overlap": {share: summary(draw, 0.8 * abs(quality), seeds) for share in ("0.1", "0.2", "0.5")},
        "accuracy": accuracies(0.95, protocols), "train_accuracy": accuracies(0.99, protocols),
        "example": {
            "seed": 0,
            "scores": [float(f"{v:.4g}") for v in quality * np.log(norms) + draw.normal(0, 1, width)],
        },
    } | more  # fmt: skip


def large_data() -> dict[str, Any]:
    """The page's data of 20 tasks with over 200 rows each, of which one is computed."""
    scorers = tuple(f"scorer_{i}" for i in range(38))
    data = page_data([board(scorers=scorers, steps=(0, 10, 50, 200, 1000), width=300, seeds=4)])
    one = data["boards"][0]
    assert len(one["rows"]) >= 200
    return data | {
        "boards": [
            one | {"name": f"task-{i:02}", "task": f"task {i:02}", "heading": f"task {i:02}"}
            for i in range(20)
        ],
    }


def norms_of(width: int) -> np.ndarray:
    return np.exp(np.random.default_rng(width).uniform(-12, 0, width))


def board(
    name: str = "toy",
    *,
    scorers: tuple[str, ...] = ("angle", "growth", "snip"),
    steps: tuple[int, ...] = (0, 50),
    width: int = 30,
    seeds: int = 12,
    init_std: float = 1e-5,
    example: bool = True,
) -> Board:
    """Scorers from good to bad, the two controls, one that trains networks of its own and one that failed."""
    draw = np.random.default_rng(len(name) + len(scorers))
    rows = []
    for step in steps:
        for place, scorer in enumerate(scorers):
            quality = 0.95 - 0.8 * place / max(1, len(scorers) - 1) * (1 - step / 4000)
            rows.append(row(draw, scorer, step, quality, width, seeds))
        rows.append(row(draw, "random", step, 0.0, width, seeds, control=True))
        rows.append(row(draw, "oracle", step, 1.0, width, seeds, control=True, sees_end=True))
    cost = {"gradient_steps": 0, "extra_gradient_steps": 12000, "seconds": 6.0 * seeds}
    rows.append(row(draw, "imp", 0, 0.97, width, seeds, cost=cost))
    failed = {"status": "failed", "error": f"ValueError: {HOSTILE[1]}"}
    kept = ("scorer", "name", "parameters", "version", "source", "draws", "sees_end", "control", "at_step",
            "relative_time", "seeds", "cost", "evaluator", "command", "environment")  # fmt: skip
    broken = row(draw, "broken", 0, 0.5, width, seeds)
    rows.append({key: broken[key] for key in kept} | failed)
    training = {
        "gradient_steps": 4000, "seconds": 2.0 * seeds, "drop_step": 100.0,
        "initial_loss": summary(draw, 0.69, seeds), "train_loss": summary(draw, 0.1, seeds),
        "groups": {"all": summary(draw, 0.9, seeds), "relevant": summary(draw, 0.2, seeds)},
        "accuracy": {"dense": accuracy(draw, 0.95, seeds), "merged_groups": accuracy(draw, 0.9, seeds)},
        "train_accuracy": {"dense": accuracy(draw, 0.99, seeds), "merged_groups": accuracy(draw, 0.9, seeds)},
    }  # fmt: skip
    if example:
        training["example"] = {"seed": 0, "norms": [float(f"{v:.4g}") for v in norms_of(width)]}
    else:
        for one in rows:
            one.pop("example", None)
    task = {"name": name, "samples": 40, "inputs": 7, "tests": 60, "fingerprint": name}
    read = [Row.read(one, "row") for one in rows]
    trained = Training.read(training, "training")
    return Board(
        TaskRecord.read(task),
        Recipe(width=width, init_std=init_std, steps=4000),
        trained,
        {"torch": "2.11"},
        "2",
        read,
    )
