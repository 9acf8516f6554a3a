"""Stores full of made-up results, for what depends on their number alone."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

import prunebench as pb
from prunebench.benchmark.plan import DENSE, Plan
from prunebench.evaluation.metrics import EVALUATOR_VERSION
from prunebench.evaluation.rank import OVERLAPS
from prunebench.store.provenance import environment
from prunebench.store.records import FINAL, Measure, Scoring, Values
from prunebench.store.store import Store
from prunebench.training.loop import History
from prunebench.training.state import State

SCORERS = ("alignment", "magnitude", "snip", "grasp", "synflow", "taylor", "gradient_norm", "growth")


def plans(task: pb.Task, count: int, seeds: int = 20) -> list[Plan]:
    """Plans of 10 scorers, controls among them, at 5 steps: 1,000 scorings of 13 measures with 20 seeds."""
    recipe = pb.Recipe(width=16, init_std=0.05, learning_rate=0.02, steps=120)
    scorers = [pb.load_scorer(name) for name in SCORERS]
    recipes = [replace(recipe, init_std=0.05 / (1 + number)) for number in range(count)]
    protocols = ("rank", "prune_final", "merge")
    return [
        Plan(task, each, scorers, (0, 5, 10, 20, 40), range(seeds), protocols, device="cpu")
        for each in recipes
    ]


def fill(folder: Path | None, plans: list[Plan]) -> Store:
    """A store with everything that the plans want, in made-up numbers."""
    store, draw = Store(folder), np.random.default_rng(0)
    made = environment("cpu") | {"command": "prunebench sweep made-up.toml"}
    for plan in plans:
        store.register(plan.training, plan.task, plan.recipe)
        final = pb.initialise(plan.recipe, plan.task.inputs, plan.seeds)
        curve = torch.rand(len(plan.seeds), 2)
        history = History(torch.tensor([0, plan.recipe.steps]), curve, curve)
        store.save_networks(plan.training, tuple(plan.seeds), {FINAL: State(final)}, made, history, 1.0)
        scorings = []
        for key, measures in plan.wanted.items():
            scorer = plan.scored.get(key)
            draws = 10 if scorer is not None and scorer.stochastic else 1
            for seed in plan.seeds:
                scores = None if key == DENSE else draw.normal(size=(draws, plan.recipe.width))
                results = {measure: values(measure, draw, draws) for measure in measures}
                scorings.append(Scoring(seed, key, None, draws, 0, 0.01, made, scores, None, results, 0.001))
        store.put(plan.training, EVALUATOR_VERSION, scorings)
    return store


def values(measure: Measure, draw: np.random.Generator, draws: int) -> Values:
    """Numbers under the names that the benchmark gives them."""
    if measure.protocol == "dense":
        names = ["groups/all", "groups/relevant"]
        names += [
            f"{part}/{what}" for part in ("accuracy", "train_accuracy") for what in ("dense", "merged_groups")
        ]
    elif measure.protocol == "rank":
        names = ["spearman", "kendall", "spearman_within_groups", *(f"top_k_overlap/{k}" for k in OVERLAPS)]
    else:
        names = [f"{part}/{measure.protocol}/{measure.keep}" for part in ("accuracy", "train_accuracy")]
        draws = min(draws, 3)
    return {name: draw.uniform(size=draws).round(6).tolist() for name in names}
