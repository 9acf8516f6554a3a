"""What is measured of one trained network with scores, without training again."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from prunebench.benchmark.plan import ACCURACY_DRAWS
from prunebench.evaluation.activations import SPLITS, Activations, Narrowed
from prunebench.evaluation.fractions import kept_count
from prunebench.evaluation.merge import folded, merge_groups
from prunebench.evaluation.metrics import Metrics, per_seed
from prunebench.evaluation.rank import rank, sign_agreement
from prunebench.evaluation.selection import top_k
from prunebench.evaluation.statistics import number_or_none
from prunebench.store.records import Key, Measure, Values

# The protocols that make the trained network narrower, and how.
NARROW: dict[str, Callable[[Activations, Int64[Tensor, "choices kept"]], Narrowed]] = {
    "prune_final": Activations.pruned,
    "merge": folded,
}
# Choices of neurons that are looked at together: what memory a protocol takes does not grow with the scorers.
CHOICES_AT_ONCE = 128


class Asked(NamedTuple):
    """What one scorer at a step says of one network, and what is to be measured with that.

    Attributes:
        scores: one row for each draw.
        signs: predicted output signs, laid out as the scores, of scorers that predict them.
    """

    scores: Float[np.ndarray, "draws neurons"]
    signs: Float[np.ndarray, "draws neurons"] | None
    measures: Sequence[Measure]


def measure_networks(final: Activations) -> Values:
    """What is measured of the trained network itself."""
    merged, metrics = merge_groups(final)
    named = {"dense": final.whole(), "merged_groups": merged}
    for path, values in _accuracies(final, {(name,): [network] for name, network in named.items()}).items():
        metrics[path] = values
    return values_of([metrics], 0)


def measure_scores(asked: Mapping[Key, Asked], final: Activations) -> dict[Key, dict[Measure, Values]]:
    """The values that each of those asked gets by measure, draw by draw; `prune_early` is left out.

    All of them together, so that what a protocol computes of the network is computed once, and equal choices
    of neurons are looked at once.
    """
    rows = defaultdict[Measure, list[tuple[Key, Float[np.ndarray, " neurons"]]]](list)
    for key, each in asked.items():
        for measure in each.measures:
            if measure.protocol != "prune_early":  # correlations cost nothing, accuracies do
                draws = each.scores if measure.protocol == "rank" else each.scores[:ACCURACY_DRAWS]
                rows[measure] += [(key, draw) for draw in draws]
    found: dict[Key, dict[Measure, Values]] = {key: {} for key in asked}
    narrowed: dict[tuple[str, ...], list[Narrowed]] = {}
    place: dict[tuple[str, ...], Int64[Tensor, " rows"]] = {}
    for measure, drawn in rows.items():
        scores = torch.from_numpy(np.stack([draw for _, draw in drawn])).to(final.network.device)
        if measure.protocol == "rank":
            _share_out(found, measure, [key for key, _ in drawn], rank(scores, final.network))
        else:
            kept, place[measure] = torch.unique(
                top_k(scores, kept_count(final.width, float(measure.keep))), dim=0, return_inverse=True
            )
            narrow = NARROW[measure.protocol]
            narrowed[measure] = [narrow(final, part) for part in kept.split(CHOICES_AT_ONCE)]
    accuracies = _accuracies(final, narrowed)
    for name in narrowed:
        at = place[name].cpu().numpy()
        mine = {path: values[at] for path, values in accuracies.items() if path[1:] == name}
        _share_out(found, Measure(*name), [key for key, _ in rows[Measure(*name)]], mine)
    for key, each in asked.items():
        if each.signs is not None and Measure("rank") in each.measures:
            signs = torch.from_numpy(each.signs).to(final.network.device)
            metrics = sign_agreement(signs, final.network)
            _share_out(found, Measure("rank"), [key] * len(signs), metrics)
    return found


def _accuracies(final: Activations, named: Mapping[tuple[str, ...], Sequence[Narrowed]]) -> Metrics:
    """Accuracies on both splits of narrowed networks, under the names of the results."""
    metrics: Metrics = {}
    for group, split in SPLITS.items():
        every = iter(final.accuracies([network for parts in named.values() for network in parts], split))
        for name, parts in named.items():
            metrics[group, *name] = np.concatenate([per_seed(next(every)) for _ in parts])
    return metrics


def _share_out(
    found: dict[Key, dict[Measure, Values]], measure: Measure, keys: Sequence[Key], metrics: Metrics
) -> None:
    """Give each of those asked the numbers of its draws; `keys` says whose row is whose."""
    for path, numbers in metrics.items():
        for key, value in zip(keys, numbers.tolist(), strict=True):
            values = found[key].setdefault(measure, {})
            values.setdefault("/".join(path), []).append(number_or_none(value))


def values_of(draws: Sequence[Metrics], position: int) -> Values:
    """One network's values of a measure."""
    return {
        "/".join(path): [number_or_none(float(draw[path][position])) for draw in draws] for path in draws[0]
    }
