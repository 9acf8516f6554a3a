"""What is measured of one trained network with scores, without training again."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from prunebench.benchmark.plan import ACCURACY_DRAWS, SPREAD
from prunebench.evaluation.layered_subject import LayeredSubject
from prunebench.evaluation.merge import folded, merge_groups
from prunebench.evaluation.metrics import SPLITS, Metrics, Path, per_seed
from prunebench.evaluation.protocols import LABELS, SHUFFLED, TRAINED, TRUTHS
from prunebench.evaluation.rank import rank, sign_agreement, within_layers
from prunebench.evaluation.selection import best_of_all, best_of_layers, by_layer, shuffled_within_layers
from prunebench.evaluation.shallow_subject import ShallowSubject
from prunebench.evaluation.statistics import number_or_none
from prunebench.evaluation.subject import Subject
from prunebench.evaluation.truths import OTHERS, truth
from prunebench.networks import Networks
from prunebench.networks.architecture import SHALLOW
from prunebench.networks.normalisation import recalibrated
from prunebench.store.records import Key, Measure, Values
from prunebench.tasks.task import Task
from prunebench.training.initial import SHUFFLE_STREAM, generator

# Choices of units that are looked at together: what memory a protocol takes does not grow with the scorers.
CHOICES_AT_ONCE = 128


class Asked(NamedTuple):
    """What one scorer at a step says of one network, and what is to be measured with that.

    Attributes:
        scores: one row for each draw.
        signs: predicted output signs, laid out as the scores, of scorers that predict them.
    """

    scores: Float[np.ndarray, "draws units"]
    signs: Float[np.ndarray, "draws units"] | None
    measures: Sequence[Measure]


def subject(network: Networks, task: Task, *, recalibrate: bool = True) -> Subject[Any]:
    """A trained network, a batch of one, over both data sets; `recalibrate` as `LayeredSubject` has it."""
    if network.architecture.name == SHALLOW:
        return ShallowSubject(network, task)
    return LayeredSubject(network, task, recalibrate=recalibrate)


def measure_network(measure: Measure, final: Subject[Any]) -> Values:
    """What is measured of the trained network itself (`Plan.of_networks`)."""
    if measure == SPREAD:
        return values_of([_spread(final.network)], 0)
    named, metrics = {"dense": final.whole()}, Metrics()
    if isinstance(final, ShallowSubject) and final.network.outputs == 2:
        named["merged_groups"], metrics = merge_groups(final)
    metrics |= _accuracies(final, {(name,): [network] for name, network in named.items()})
    return values_of([metrics], 0)


def measure_scores(
    asked: Mapping[Key, Asked], final: Subject[Any], seed: int, initial: Networks | None = None
) -> dict[Key, dict[Measure, Values]]:
    """The values that each of those asked gets by measure, draw by draw.

    What is trained again is left out, and what scorers are asked again for.

    `seed` is the network's, from which controls draw; `initial`, for other truths than the norm, is it before
    training. All of those asked together, so that what a protocol computes of the network is computed once,
    and equal choices of units are looked at once.
    """
    rows = defaultdict[Measure, list[tuple[Key, Float[np.ndarray, " units"]]]](list)
    for key, each in asked.items():
        for measure in each.measures:
            if measure.name not in (*TRAINED, LABELS):  # correlations cost nothing, accuracies do
                draws = each.scores if measure.protocol in ("rank", TRUTHS) else each.scores[:ACCURACY_DRAWS]
                rows[measure] += [(key, draw) for draw in draws]
    found: dict[Key, dict[Measure, Values]] = {key: {} for key in asked}
    narrowed: dict[tuple[Measure, Path], list[Any]] = {}
    place: dict[Path, Int64[Tensor, " rows"]] = {}
    for measure, drawn in rows.items():
        scores = torch.from_numpy(np.stack([draw for _, draw in drawn])).to(final.network.device)
        metrics: Metrics = {}
        if measure.protocol == "rank":
            metrics = rank(scores, final.network)
        elif measure.protocol == TRUTHS:
            assert initial is not None
            metrics = _agreement(scores, final, initial)
        else:
            narrow = partial(folded, final) if measure.name == "merge" else final.pruned
            for name, choices in _choices(measure, scores, final.network, seed).items():
                path = name, measure.keep
                kept, place[path] = torch.unique(choices, dim=0, return_inverse=True)
                narrowed[measure, path] = [narrow(part) for part in kept.split(CHOICES_AT_ONCE)]
                if name == "prune_global":
                    sizes = _parameters(final.network, kept)
                    metrics["parameters_left", *path] = sizes[place[path].cpu().numpy()]
        _share_out(found, measure, [key for key, _ in drawn], metrics)
    accuracies = _accuracies(final, {path: parts for (_, path), parts in narrowed.items()})
    for measure, place_of in narrowed:
        at = place[place_of].cpu().numpy()
        mine = {path: values[at] for path, values in accuracies.items() if path[1:] == place_of}
        _share_out(found, measure, [key for key, _ in rows[measure]], mine)
    for key, each in asked.items():
        if each.signs is not None and Measure("rank") in each.measures:
            signs = torch.from_numpy(each.signs).to(final.network.device)
            metrics = sign_agreement(signs, final.network)
            _share_out(found, Measure("rank"), [key] * len(signs), metrics)
    return found


def _spread(network: Networks) -> Metrics:
    """The 90th over the 10th percentile of each layer's final norms; not defined where the latter is 0."""
    found: Metrics = {}
    norms = network.norms().double()
    for layer, own in network.architecture.by_layer(norms):
        low, high = own.quantile(norms.new_tensor([0.1, 0.9]), dim=1)
        found["spread", layer.name] = per_seed(torch.where(low > 0, high / low, torch.nan))
    return found


def _agreement(scores: Float[Tensor, "choices units"], final: Subject[Any], initial: Networks) -> Metrics:
    """Correlation with each of the truths but the norm, which `rank` has."""
    network, task = recalibrated(final.network, final.task.x_train), final.task
    units = [layer.units for layer in network.layers]
    return {
        ("spearman_with", name): within_layers(scores, truth(name, network, initial, task)[0], units)
        for name in OTHERS
    }


def _choices(
    measure: Measure, scores: Float[Tensor, "choices units"], network: Networks, seed: int
) -> dict[str, Int64[Tensor, "choices kept"]]:
    """The units that a measure keeps, and those of its control, by the names of the results."""
    layers, share = [layer.units for layer in network.layers], float(measure.keep)
    if measure.name != "prune_global":
        return {measure.name: best_of_layers(scores, layers, share)}
    control = shuffled_within_layers(scores, layers, generator(seed, SHUFFLE_STREAM))
    return {"prune_global": best_of_all(scores, layers, share), SHUFFLED: best_of_all(control, layers, share)}


def _parameters(network: Networks, kept: Int64[Tensor, "choices kept"]) -> Float[np.ndarray, " choices"]:
    """What is left of the network's parameters: a share."""
    trained = network.trained
    left = [trained.keep(by_layer(row, network.layers)) for row in kept]
    return np.array([_numbers(one) for one in left]) / _numbers(trained)


def _numbers(networks: Networks) -> int:
    return sum(tensor.numel() for tensor in networks.tensors.values())


def _accuracies(final: Subject[Any], named: Mapping[Path, Sequence[Any]]) -> Metrics:
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
