"""How often the intervals hold what they are of, on real networks: `python ci/intervals.py [--out FILE]`.

First on made-up values, of which the true mean is known. Then some hundreds of small networks are trained,
scored, pruned and merged once for each data set: a population, whose means and medians are then known. From
it n networks are drawn again and again, with replacement, and it is counted how many intervals hold the
population's value. The tables are those of docs/statistics.md; half an hour on 2 cores, a good part of it the
population, which `--keep FOLDER` stores and takes up again.
"""

import argparse
import itertools
import math
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

import prunebench as pb
from prunebench.benchmark.measures import Asked, measure_network, measure_scores
from prunebench.evaluation import statistics
from prunebench.evaluation.shallow_subject import ShallowSubject
from prunebench.evaluation.statistics import collapses, intervals, median_intervals
from prunebench.store.records import Key, Measure

TASKS = {
    "digits": ("digits", pb.Recipe(width=50, init_std=1e-2, steps=2000)),
    "mnist5k": ("mnist5k", pb.Recipe(width=100, init_std=1e-2, steps=2000)),
}
SAMPLES, STEPS, AT_ONCE = 200, (0, 50, 200), 25
SCORERS = ("growing_mode", "alignment", "cluster_alignment", "snip", "magnitude", "random")
SHARES = ("0.5", "0.2", "0.1", "0.05", "0.02", "0.01")
SEEDS, DRAWS, RESAMPLES = (5, 10, 20, 40), 500, 999
MEASURES = [Measure("rank"), *(Measure(p, s) for p in ("prune_final", "merge") for s in SHARES)]

# Values of seeds, and their mean.
MADE_UP: dict[str, tuple[Callable[[np.random.Generator, tuple[int, int]], np.ndarray], float]] = {
    "normal": (lambda draw, shape: draw.normal(size=shape), 0.0),
    "near 1 and below: Beta(9, 0.6)": (lambda draw, shape: draw.beta(9, 0.6, shape), 9 / 9.6),
    "exponential": (lambda draw, shape: draw.exponential(size=shape), 1.0),
    "lognormal (heavy tail)": (lambda draw, shape: draw.lognormal(size=shape), math.exp(0.5)),
}

Cell = tuple[str, tuple[str, ...]]  # of boards: scorer and step, metric
Population = dict[Cell, np.ndarray]
Intervals = Callable[[np.ndarray], statistics.Ends]
Centre = Callable[[np.ndarray], np.floating]


def population(dataset: str, recipe: pb.Recipe, networks: int) -> Population:
    """Every metric of every scorer and step, of each network; a few networks at a time."""
    task = pb.load_task(dataset, samples=SAMPLES)
    parts = defaultdict[Cell, list[float | None]](list)
    for first in range(0, networks, AT_ONCE):
        seeds = range(first, min(first + AT_ONCE, networks))
        run = pb.train(task, recipe, seeds=seeds, snapshot_steps=STEPS)
        scores = {
            Key(step, name, "", ""): pb.load_scorer(name).score(run.snapshot(step)).numpy()
            for step, name in itertools.product(STEPS, SCORERS)
        }
        for at in range(len(seeds)):
            final = ShallowSubject(run.final.select(at), task)
            for path, (value,) in measure_network(Measure("dense"), final).items():
                parts["networks", tuple(path.split("/"))].append(value)
            asked = {key: Asked(every[at : at + 1], None, MEASURES) for key, every in scores.items()}
            for key, measured in measure_scores(asked, final, seeds[at]).items():
                for path, (value,) in (item for values in measured.values() for item in values.items()):
                    parts[f"{key.scorer}@{key.step}", tuple(path.split("/"))].append(value)
        print(f"{dataset}: {seeds.stop} of {networks} networks", flush=True)
    found = {cell: np.array(values, dtype=float) for cell, values in parts.items()}
    return {
        cell: values for cell, values in found.items() if np.isfinite(values).all() and np.ptp(values) > 0
    }


def differences(cells: Population) -> Population:
    """Paired differences of two scorers at a step, of the metrics that people compare by."""
    chosen = [("spearman",), *(("accuracy", p, s) for p in ("prune_final", "merge") for s in ("0.2", "0.1"))]
    found: Population = {}
    for path, (one, other) in itertools.product(chosen, itertools.combinations(SCORERS, 2)):
        for step in STEPS:
            a, b = cells.get((f"{one}@{step}", path)), cells.get((f"{other}@{step}", path))
            if a is not None and b is not None and np.ptp(a - b) > 0:
                found[f"{one}@{step} - {other}", path] = a - b
    return found


def coverage(cells: list[np.ndarray], of: Intervals, centre: Centre, seeds: int) -> np.ndarray:
    """The share of draws of so many networks whose interval holds the population's value, cell by cell."""
    draw, held = np.random.default_rng(0), list[float]()
    for values in cells:
        low, high = of(draw.choice(values, (DRAWS, seeds)))
        truth = centre(values)
        share = np.mean((low <= truth + 1e-12) & (high >= truth - 1e-12))
        held.append(float(share) if np.isfinite(low).all() else np.nan)
    return np.array(held)


def made_up() -> Iterator[str]:
    """A line for each distribution: the share of 2,000 intervals that hold its mean."""
    for name, (values, mean) in MADE_UP.items():
        line = [name]
        for seeds in SEEDS:
            low, high = intervals(values(np.random.default_rng(0), (2000, seeds)))
            line.append(f"{100 * np.mean((low <= mean) & (mean <= high)):.0f} %")
        print(" | ".join(line), flush=True)
        yield f"| {' | '.join(line)} |"


def table(name: str, cells: Population, pairs: Population) -> Iterator[str]:
    """Lines for one population: the mean over cells, the 5 % quantile and the lowest."""
    for title, found, skewed, of, centre in (
        ("correlations, overlaps: mean", cells, False, intervals, np.mean),
        ("accuracies: median", cells, True, median_intervals, np.median),
        ("differences of Spearman: mean", pairs, False, intervals, np.mean),
        ("differences of accuracies: median", pairs, True, median_intervals, np.median),
        ("not drawn, accuracies: mean", cells, True, intervals, np.mean),
    ):
        values = [values for (_, path), values in found.items() if collapses(path) == skewed]
        line = [name, title, str(len(values))]
        for seeds in SEEDS:
            held = 100 * coverage(values, of, centre, seeds)
            shown = held.mean(), np.quantile(held, 0.05), held.min()
            drawn = np.isfinite(held).all()
            line.append(", ".join(f"{share:.0f}" for share in shown) if drawn else "none")
        print(" | ".join(line), flush=True)
        yield f"| {' | '.join(line)} |"


def _headed(titles: list[str]) -> list[str]:
    return [f"| {' | '.join(titles)} |", "|" + "---|" * len(titles)]


def main() -> None:
    """Print the tables, and write them where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--networks", type=int, default=300)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--out", type=Path)
    chosen = parser.parse_args()
    statistics.RESAMPLES = RESAMPLES  # quantiles of 2.5 % are still the 25th of them
    heading = [
        "networks",
        "numbers: what the interval is of",
        "cells",
        *(f"{seeds} seeds" for seeds in SEEDS),
    ]
    lines = _headed(["values of a seed", *heading[3:]])
    lines += [*made_up(), "", *_headed(heading)]
    for name, (dataset, recipe) in TASKS.items():
        kept = chosen.keep / f"{name}_{chosen.networks}.npz" if chosen.keep else None
        if kept and kept.exists():
            with np.load(kept) as file:
                cells = {(key.split("|")[0], tuple(key.split("|")[1:])): file[key] for key in file.files}
        else:
            cells = population(dataset, recipe, chosen.networks)
            if kept:
                kept.parent.mkdir(parents=True, exist_ok=True)
                arrays = {"|".join([scorer, *path]): values for (scorer, path), values in cells.items()}
                np.savez(kept, **arrays)  # type: ignore[arg-type]  # it has an option by name, too
        lines += table(name, cells, differences(cells))
    if chosen.out:
        chosen.out.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
