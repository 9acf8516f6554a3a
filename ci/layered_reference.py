"""Layered networks against independent measurements: python ci/layered_reference.py writes the document.

The expected figures come from a script that shares nothing with prunebench (float64, PyTorch's own modules),
on the same data set: 1,000 MNIST digits of ten classes. tests/test_layered_reference.py holds most of them to
their tolerance. Takes minutes.
"""

import multiprocessing
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

import prunebench as pb
from prunebench.evaluation.rank import spearman
from prunebench.networks import Networks
from prunebench.networks.normalisation import recalibrated
from prunebench.training.state import State

# Where snapshots are taken: shares of the steps.
SHARES, EARLY = (0.0, 0.01, 0.025, 0.1), ("0", "1 %", "2.5 %", "10 %")
SCORERS = (
    "growing_mode", "taylor", "snip", "gradient_norm", "grasp", "alignment", "magnitude", "synflow",
)  # fmt: skip
OTHER_ORDER = 9000  # added to a seed: the minibatch order of its twin
SCORE, TWIN, ACCURACY = 0.12, 0.06, 0.12  # how far a right implementation may be off
Figures = dict[str, float]


@dataclass(frozen=True)
class Case:
    """A network, how it is trained, and what was measured of it elsewhere; None where nothing was.

    Attributes:
        train, test: accuracies at the end.
        twins: rank correlation of the final norms with those of the same network trained on from a snapshot
            in another minibatch order, at the shares of the steps.
        scores: of `SCORERS` at the start.
        later: of growing mode at the later snapshots.
        half: training accuracy with the better half of every layer's units by the norm, without retraining.
    """

    network: str
    learning_rate: float
    steps: int
    train: float
    test: float
    scores: tuple[float | None, ...]
    later: tuple[float | None, ...] = (None, None, None)
    twins: tuple[float | None, ...] = (None, None, None, None)
    half: float | None = None
    scale: float = 1.0
    seeds: int = 4

    @property
    def recipe(self) -> pb.Recipe:
        """Momentum 0.9, minibatches of 16."""
        return pb.Recipe(
            network=pb.load_network(self.network), scale=self.scale, learning_rate=self.learning_rate,
            batch_size=16, steps=self.steps,
        )  # fmt: skip

    def expected(self) -> Iterator[tuple[str, float, float]]:
        """Name, value and tolerance of each figure."""
        figures = [
            ("training accuracy", self.train, ACCURACY), ("test accuracy", self.test, ACCURACY),
            ("training accuracy, half kept", self.half, ACCURACY),
        ]  # fmt: skip
        figures += [(f"{name} at 0", value, SCORE) for name, value in zip(SCORERS, self.scores, strict=True)]
        later = zip(EARLY[1:], self.later, strict=True)
        figures += [(f"growing_mode at {early}", value, SCORE) for early, value in later]
        twins = zip(EARLY, self.twins, strict=True)
        figures += [(f"twin at {early}", value, TWIN) for early, value in twins]
        return ((name, value, tolerance) for name, value, tolerance in figures if value is not None)


CASES = {
    "one hidden layer": Case(
        "mlp[widths=100]", 0.005, 1200, 1.00, 0.89, (0.69, 0.58, 0.51, 0.56, 0.59, 0.33, 0.31, 0.31),
        (0.86, 0.88, 0.89), (0.85, 0.94, 0.99, 1.00), 0.99,
    ),
    "one hidden layer, scale 0.1": Case(
        "mlp[widths=100]", 0.005, 1200, 1.00, 0.89, (0.68, 0.57, 0.53, 0.58, 0.58, 0.33, 0.18, 0.18),
        (0.89, 0.91, 0.91), (0.79, 0.96, 0.99, 1.00), scale=0.1,
    ),
    "mlp": Case(
        "mlp", 0.01, 1200, 0.98, 0.87, (0.59, 0.58, 0.56, 0.55, 0.53, 0.34, 0.21, 0.21),
        (0.71, 0.76, 0.82), (0.83, 0.89, 0.94, 0.97), 0.98,
    ),
    "mlp, scale 0.3": Case(
        "mlp", 0.01, 1500, 0.93, 0.83, (0.58, 0.55, 0.53, 0.48, 0.50, 0.30, 0.11, 0.12),
        (0.64, 0.70, 0.83), scale=0.3,
    ),
    "lenet": Case(
        "lenet", 0.01, 1000, 1.00, 0.95, (0.61, 0.58, 0.57, 0.54, 0.56, 0.43, 0.20, 0.19),
        (0.64, 0.72, 0.80), (0.94, 0.94, 0.92, 0.96), 0.95, seeds=3,
    ),
    "vgg without normalisation": Case(
        "vgg[batch_norm=false]", 0.02, 1000, 0.98, 0.93, (0.45, 0.44, 0.45, 0.39, 0.41, 0.30, 0.18, 0.18),
        (0.49, 0.56, 0.59), seeds=3,
    ),
    "vgg": Case(
        "vgg", 0.02, 800, 1.00, 0.97, (0.31, None, 0.24, 0.24, 0.13, 0.06, 0.10, None), (0.54, 0.61, 0.69),
        (0.31, 0.72, 0.86, 0.95), 0.90, seeds=3,
    ),
    "resnet": Case(
        "resnet[depth=8]", 0.02, 800, 1.00, 0.96, (None, None, 0.1, 0.1, None, None, 0.25, None),
        twins=(0.53, None, 0.68, None), seeds=3,
    ),
}  # fmt: skip


# Figures that do not agree, and why.
KNOWN = {
    ("vgg", "grasp at 0"): "scored there with statistics of the minibatch, through which gradients flow",
    ("vgg", "twin at 0"): "a second script elsewhere found 0.39",
    ("resnet", "twin at 0"): "three other seeds: 0.54",
    ("resnet", "twin at 2.5 %"): "three other seeds: 0.75; not explained",
    (
        "resnet",
        "magnitude at 0",
    ): "three other seeds: 0.17; elsewhere the last stage has 32 channels; not explained",
}
# What the tests leave out beside what is known not to agree: each twin is a training, and these say little
# beside the others.
BETWEEN = ("twin at 1 %", "twin at 10 %")
DOCUMENT = Path(__file__).parents[1] / "docs/layered-reference.md"


def measure(case: Case, wanted: Collection[str]) -> Figures:
    """The figures of these names, of those that `Case.expected` has, and the accuracies."""
    task = pb.load_task("mnist5k", classes="all", samples=1000)
    early = [round(share * case.steps) for share in SHARES]
    recipe, seeds = case.recipe, range(case.seeds)
    options: dict[str, Any] = {"device": "cpu", "record_every": case.steps}
    start = pb.initialise(recipe, task.shape, seeds, outputs=task.outputs)
    # As elsewhere; at small scales PyTorch's biases, which no scale multiplies, would be most of a unit.
    start = start.like({n: t * 0 if n.endswith("bias") else t for n, t in start.tensors.items()})
    run = pb.train(task, recipe, seeds=seeds, snapshot_steps=early, start=State(start), **options)
    found: Figures = {}
    final = recalibrated(run.final, task.x_train)
    norms = final.norms()
    found["training accuracy"] = _mean(final.accuracy(task.x_train, task.y_train))
    found["test accuracy"] = _mean(final.accuracy(task.x_test, task.y_test))
    found["training accuracy, half kept"] = _mean(_half(final, task).accuracy(task.x_train, task.y_train))
    for shown, step in zip(EARLY, early, strict=True):
        snapshot = pb.Snapshot(
            task, recipe, step, recalibrated(run.snapshots[step], task.x_train), run.initial, run.seeds
        )
        for scorer in SCORERS:
            if f"{scorer} at {shown}" in wanted:
                scores = pb.load_scorer(scorer).score(snapshot)
                found[f"{scorer} at {shown}"] = _within_layers(scores, norms, final)
        if f"twin at {shown}" in wanted:
            twin = pb.train(
                task, recipe, seeds=[OTHER_ORDER + seed for seed in seeds],
                start=State(run.snapshots[step], step), **options,
            )  # fmt: skip
            found[f"twin at {shown}"] = _within_layers(twin.final.norms(), norms, final)
    return found


def _half(networks: Networks, task: pb.Task) -> Networks:
    """The units of every layer with the larger norms, and statistics of theirs."""
    by_layer = networks.norms().split([layer.units for layer in networks.layers], dim=1)
    kept = {
        layer.name: norms.topk(max(1, round(layer.units / 2)), dim=1).indices
        for layer, norms in zip(networks.layers, by_layer, strict=True)
    }
    return recalibrated(networks.keep(kept), task.x_train)


def _within_layers(
    scores: Float[Tensor, "seeds units"], norms: Float[Tensor, "seeds units"], networks: Networks
) -> float:
    """Rank correlation within layers: mean over seeds, weighted by the layers' units."""
    sizes = [layer.units for layer in networks.layers]
    pairs = zip(scores.split(sizes, dim=1), norms.split(sizes, dim=1), strict=True)
    return float(np.average([np.nanmean(spearman(a, b)) for a, b in pairs], weights=sizes))


def _mean(values: Tensor) -> float:
    return float(values.double().mean())


def compare(name: str, left_out: Collection[str] = ()) -> list[tuple[str, float, float, bool]]:
    """Name, measured and expected value of each figure of a case, and whether the two agree."""
    torch.set_num_threads(1)
    figures = [figure for figure in CASES[name].expected() if figure[0] not in left_out]
    found = measure(CASES[name], {figure for figure, _, _ in figures})
    return [
        (figure, found[figure], value, abs(found[figure] - value) <= tolerance)
        for figure, value, tolerance in figures
    ]


def document(tables: dict[str, list[tuple[str, float, float, bool]]]) -> str:
    """The tables as Markdown."""
    lines = [
        "# Layered networks against independent measurements",
        "",
        "Ten classes of MNIST, 1,000 training samples, momentum 0.9, minibatches of 16, biases 0 at the",
        "start. Rank correlations are within layers, with the final effective norms. *Elsewhere* is a script",
        "that shares nothing with prunebench. `python ci/layered_reference.py` writes this; how far figures",
        "may be apart is in that file, and `tests/test_layered_reference.py` holds most of them to it",
        "(of the twins those at 0 and 2.5 % of the steps).",
    ]
    for name, rows in tables.items():
        case = CASES[name]
        lines += [
            "",
            f"## {name[0].upper()}{name[1:]}",
            "",
            f"`{case.network}`, scale {case.scale:g}, learning rate {case.learning_rate:g}, "
            f"{case.steps:,} steps, {case.seeds} seeds.",
            "",
            "| figure | here | elsewhere | |",
            "|---|---|---|---|",
        ]
        for figure, here, elsewhere, agrees in rows:
            why = "" if agrees else KNOWN.get((name, figure), "outside")
            lines.append(f"| {figure} | {here:.2f} | {elsewhere:.2f} | {why} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure all, two networks at a time, and write the document."""
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        tables = dict(zip(CASES, pool.imap(compare, CASES), strict=True))
    DOCUMENT.write_text(document(tables), encoding="utf-8")


if __name__ == "__main__":
    main()
