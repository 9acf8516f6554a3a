"""Protocol `merge`: accuracy when the neurons that are not kept are folded into those that are."""

import torch
from jaxtyping import Int64
from torch import Tensor

from prunebench import theory
from prunebench.evaluation.metrics import Metrics, per_seed
from prunebench.evaluation.shallow_subject import Narrowed, ShallowSubject
from prunebench.evaluation.subject import N, Subject
from prunebench.networks import predictions
from prunebench.theory.merging import nearest

THRESHOLD = 0.95
# Cosines that are compared at once, between all neurons and the kept ones of several choices (80 MB).
COSINES_AT_ONCE = 10_000_000


def folded(final: Subject[N], kept: Int64[Tensor, "choices kept"]) -> N:
    """Each dropped unit folded into the kept one that it is most parallel to, as `theory.fold` does.

    Nearest by the angle of the incoming weights, of the same layer and orientation and with cosine >= 0.95; a
    dropped unit that is parallel to no kept one is pruned (docs/protocols.md).
    """
    cosines = final.parallel
    at_once = max(1, COSINES_AT_ONCE // (final.units * kept.shape[1]))
    labels = torch.cat([nearest(cosines, part, THRESHOLD) for part in kept.split(at_once)])
    return final.merged(labels)


def merge_groups(final: ShallowSubject) -> tuple[Narrowed, Metrics]:
    """Whole groups merged, with no scorer involved (paper, appendix G): the network, and how many there are.

    Of two classes: groups are of equal orientation. They are counted over all neurons and over those above
    1 % of the largest norm: inert neurons that never turned dominate the plain count.
    """
    labels = theory.groups(final.network, final.task, THRESHOLD, signs=final.orientation[None])
    network = final.merged(labels)
    one, other = (predictions(final.logits(each, "test")) for each in (final.whole(), network))
    every, relevant = theory.group_counts(final.network, labels)
    return network, {
        ("groups", "all"): per_seed(every),
        ("groups", "relevant"): per_seed(relevant),
        ("same_prediction",): per_seed(torch.minimum(one, other).sum(dim=2).mean(dim=1)),
    }
