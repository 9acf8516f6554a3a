"""What is measured with scores, without training again."""

from collections.abc import Iterable, Sequence

from jaxtyping import Float
from torch import Tensor

from prunebench.benchmark.plan import ACCURACY_DRAWS
from prunebench.evaluation.merge import merge, merge_groups
from prunebench.evaluation.metrics import Metrics
from prunebench.evaluation.prune import accuracies, prune_final
from prunebench.evaluation.rank import rank
from prunebench.evaluation.statistics import number_or_none
from prunebench.networks import Networks
from prunebench.store.records import Measure, Values
from prunebench.tasks.task import Task

Scores = Float[Tensor, "seeds neurons"]


def measure_networks(final: Networks, task: Task) -> Metrics:
    """What is measured of the trained networks themselves."""
    return accuracies(final, task, "dense") | merge_groups(final, task)


def measure_scores(
    draws: Iterable[tuple[Scores, Scores | None]], measures: Sequence[Measure], final: Networks, task: Task
) -> dict[Measure, list[Metrics]]:
    """The metrics of each draw (its scores and predicted signs) by measure, `prune_early` left out."""
    found: dict[Measure, list[Metrics]] = {}
    for draw, (scores, signs) in enumerate(draws):
        metrics: Metrics = {}
        if Measure("rank") in measures:
            metrics |= rank(scores, final, signs)
        if draw < ACCURACY_DRAWS:
            metrics |= prune_final(scores, final, task, fractions_of(measures, "prune_final"))
            metrics |= merge(scores, final, task, fractions_of(measures, "merge"))
        for measure, part in by_measure(metrics).items():
            found.setdefault(measure, []).append(part)
    return found


def fractions_of(measures: Iterable[Measure], protocol: str) -> list[float]:
    """The shares of neurons that a protocol keeps."""
    return [float(measure.keep) for measure in measures if measure.protocol == protocol]


def by_measure(metrics: Metrics) -> dict[Measure, Metrics]:
    """Metrics by the measure that they belong to: a share of kept neurons is a measure of its own."""
    found: dict[Measure, Metrics] = {}
    for path, values in metrics.items():
        kept = path[0] in ("accuracy", "train_accuracy")
        found.setdefault(Measure(path[1], path[2]) if kept else Measure("rank"), {})[path] = values
    return found


def values_of(draws: Sequence[Metrics], position: int) -> Values:
    """One network's values of a measure."""
    return {
        "/".join(path): [number_or_none(float(draw[path][position])) for draw in draws] for path in draws[0]
    }
