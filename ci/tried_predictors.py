"""Predictors that were tried at the start (docs/what-carries-over.md): python ci/tried_predictors.py

Trains networks of its own, of seeds that nothing was chosen by (those up to 9 were searched on), scores them
at step 0, and prints the correlation with the final norms, within layers, with its 95 % interval, and the
cost as a share of the training. Names of networks after it take some of them. CIFAR-10 is read from the file
that leaderboards/layered.toml names, and left out where there is none. Takes minutes.
"""

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int64
from torch import Tensor

import prunebench as pb
from prunebench.evaluation.labels import shuffle_labels
from prunebench.evaluation.rank import within_layers
from prunebench.evaluation.statistics import intervals
from prunebench.networks.outcomes import cross_entropy
from prunebench.scoring.execute import execute

SEEDS = range(100, 110)
CIFAR = Path("../shared/data/cifar10-gray-0123.npz")


def mnist() -> pb.Task:
    """Ten digits."""
    return pb.load_task("mnist5k", classes="all", samples=1000)


def two_sides() -> pb.Task:
    """The paper's task."""
    return pb.load_task("mnist5k", classes=((0, 3), (1, 2)), samples=800)


def cifar() -> pb.Task:
    """Four classes."""
    return pb.load_task(str(CIFAR), classes="0/1/2/3", samples=1000)


def layered(network: str, steps: int, scale: float = 1.0) -> pb.Recipe:
    """As on the boards."""
    return pb.Recipe(
        network=pb.load_network(network), learning_rate=0.01, batch_size=16, steps=steps, scale=scale
    )


NETWORKS: dict[str, tuple[Callable[[], pb.Task], pb.Recipe]] = {
    "mlp": (mnist, layered("mlp", 1200)),
    "mlp x0.3": (mnist, layered("mlp", 1500, 0.3)),
    "lenet": (mnist, layered("lenet", 1000)),
    "shallow 1e-05": (mnist, pb.Recipe(init_std=1e-5, steps=6000)),
    "shallow 0.01": (mnist, pb.Recipe(init_std=1e-2, steps=4000)),
    "shallow 0.1 binary": (two_sides, pb.Recipe(init_std=1e-1, steps=4000)),
    "lenet cifar10": (cifar, layered("lenet", 2000)),
}


REHEARSAL = type(pb.load_scorer("rehearsal"))


def varied(**parts: Callable[..., Any]) -> pb.Scorer:
    """A rehearsal of which some methods are others."""
    scorer: pb.Scorer = type("Varied", (REHEARSAL,), parts)()
    return scorer


def any_batch(self: Any, y: Int64[np.ndarray, " samples"], draw: np.random.Generator) -> np.ndarray:
    """Minibatches of whatever classes."""
    rounds = [draw.permutation(len(y)) for _ in range(self.steps * self.batch_size // len(y) + 1)]
    return np.concatenate(rounds)[: self.steps * self.batch_size].reshape(self.steps, -1)


def by_tensor(
    self: Any, networks: pb.Networks, x: Tensor, y: Tensor, moving: list[str], share: float
) -> pb.Networks:
    """A step that is a share of each tensor's own length, as in `lookahead`."""
    gradient = networks.gradient(x, y, loss=cross_entropy)
    moved = {name: networks[name] - share * _turned(networks[name], gradient[name]) for name in moving}
    return networks.like({**networks.tensors, **moved})


def _turned(tensor: Tensor, gradient: Tensor) -> Tensor:
    return tensor.norm() / gradient.norm() * gradient


def not_followed(self: Any, start: pb.Networks, way: dict[str, Tensor], x: Tensor, y: Tensor) -> pb.Networks:
    """Where the steps end."""
    return start.like({**start.tensors, **{name: start[name] + along for name, along in way.items()}})


def way_alone(self: Any, start: pb.Networks, way: dict[str, Tensor], x: Tensor, y: Tensor) -> pb.Networks:
    """What has moved."""
    return start.like({**start.tensors, **way})


def with_shuffled_labels(self: Any, snapshot: pb.Snapshot) -> Float[Tensor, " units"]:
    """What it reads of labels that say nothing."""
    task = shuffle_labels(snapshot.task, snapshot.seeds[0])
    return REHEARSAL.score_network(self, replace(snapshot, task=task))


TRIED: dict[str, pb.Scorer] = {
    "magnitude": pb.load_scorer("magnitude"),
    "growing_mode": pb.load_scorer("growing_mode"),
    "lookahead": pb.load_scorer("lookahead"),
    "probe[steps=40]": pb.load_scorer("probe[steps=40]"),
    "rehearsal": REHEARSAL(),
    "rehearsal[steps=16]": pb.load_scorer("rehearsal[steps=16]"),
    "rehearsal[steps=64]": pb.load_scorer("rehearsal[steps=64]"),
    "rehearsal[reach=0.25]": pb.load_scorer("rehearsal[reach=0.25]"),
    "rehearsal[reach=1]": pb.load_scorer("rehearsal[reach=1]"),
    "classes as they come": varied(_minibatches=any_batch),
    "steps of equal length": varied(_share=lambda self, step: self.reach / self.steps),
    "steps by each tensor's length": varied(_moved=by_tensor),
    "not followed on": varied(_followed=not_followed),
    "the way alone": varied(_followed=way_alone),
    "shuffled labels": varied(score_network=with_shuffled_labels),
}


def measured(task: pb.Task, recipe: pb.Recipe) -> Iterator[str]:
    """A cell for each of those tried."""
    run = pb.train(task, recipe, seeds=SEEDS, snapshot_steps=(0,), record_every=0, device="cpu")
    units, truth = [layer.units for layer in run.final.layers], run.final.norms()
    for scorer in TRIED.values():
        outcome = execute(scorer, run.snapshot(0))
        if outcome.scores is None:
            yield "–"
            continue
        pairs = zip(outcome.scores[:, None], truth, strict=True)
        found = np.array([[float(within_layers(one, of, units)[0]) for one, of in pairs]])
        (low,), (high,) = intervals(found)
        share = (outcome.sample_gradients or 0) / (recipe.steps * recipe.batch_size)
        yield f"{found.mean():.2f} [{low:.2f}, {high:.2f}], {100 * share:.2g} %"


def main() -> None:
    """Print the table, a row for each of those tried."""
    wanted = sys.argv[1:] or [
        name for name, (make, _) in NETWORKS.items() if make is not cifar or CIFAR.exists()
    ]
    columns = [list(measured(make(), recipe)) for make, recipe in (NETWORKS[name] for name in wanted)]
    print("| | " + " | ".join(wanted) + " |\n" + "|---" * (len(wanted) + 1) + "|")
    for name, cells in zip(TRIED, zip(*columns, strict=True), strict=True):
        print(f"| {name} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
