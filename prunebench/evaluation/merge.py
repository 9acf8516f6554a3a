"""Protocol `merge`: accuracy when the neurons that are not kept are folded into those that are."""

import torch
from jaxtyping import Int64
from torch import Tensor

from prunebench import theory
from prunebench.evaluation.activations import Activations, Narrowed, Sums
from prunebench.evaluation.metrics import Metrics, per_seed
from prunebench.networks import predictions
from prunebench.theory.merging import nearest, shares

THRESHOLD = 0.95
# Cosines that are compared at once, between all neurons and the kept ones of several choices (80 MB).
COSINES_AT_ONCE = 10_000_000


def folded(final: Activations, kept: Int64[Tensor, "choices kept"]) -> Narrowed:
    """Each dropped neuron folded into the kept one that it is most parallel to, as `theory.fold` does.

    Nearest by the angle of the incoming weights, of equal orientation and with cosine >= 0.95; a dropped
    neuron that is parallel to no kept one is pruned (docs/protocols.md).
    """
    cosines = final.parallel
    at_once = max(1, COSINES_AT_ONCE // (final.width * kept.shape[1]))
    labels = torch.cat([nearest(cosines, part, THRESHOLD) for part in kept.split(at_once)])
    return merged(final, labels)


def merged(final: Activations, labels: Int64[Tensor, "choices neurons"]) -> Narrowed:
    """One effective neuron for each group of neurons with equal label, as `theory.merge` makes it.

    Every choice needs the same number of groups, none of them empty; -1 drops a neuron.
    """
    choices, count = len(labels), int(labels.max()) + 1
    incoming, outgoing = shares(final.precise.norms("incoming"), final.precise.norms("outgoing"), labels)
    choice, neuron = (labels >= 0).nonzero(as_tuple=True)
    group = choice * count + labels[choice, neuron]
    order = group.argsort(stable=True)
    choice, neuron, group = choice[order], neuron[order], group[order]
    weights = final.outgoing.new_zeros(choices * count, final.network.outputs)
    weights.index_add_(0, group, outgoing[choice, neuron][:, None] * final.outgoing[neuron])
    sizes = torch.bincount(group, minlength=choices * count)
    several = sizes > 1
    units = final.width - 1 + several.cumsum(0)
    units[~several] = neuron[~several[group]]
    inside = several[group]
    starts = sizes[several].cumsum(0) - sizes[several]
    sums = Sums(neuron[inside], incoming[choice, neuron][inside], starts) if bool(several.any()) else None
    return Narrowed(units.reshape(choices, count), weights.reshape(choices, count, -1), sums)


def merge_groups(final: Activations) -> tuple[Narrowed, Metrics]:
    """Whole groups merged, with no scorer involved (paper, appendix G): the network, and how many there are.

    Groups are counted over all neurons and over those above 1 % of the largest norm: inert neurons that never
    turned dominate the plain count.
    """
    labels = theory.groups(final.network, final.task, THRESHOLD, signs=final.orientation[None])
    network = merged(final, labels)
    one, other = (predictions(final.logits(each, "test")) for each in (final.whole(), network))
    every, relevant = theory.group_counts(final.network, labels)
    return network, {
        ("groups", "all"): per_seed(every),
        ("groups", "relevant"): per_seed(relevant),
        ("same_prediction",): per_seed(torch.minimum(one, other).sum(dim=2).mean(dim=1)),
    }
