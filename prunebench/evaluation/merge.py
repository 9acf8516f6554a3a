"""Protocol `merge`: accuracy when the neurons that are not kept are folded into those that are."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from prunebench import theory
from prunebench.evaluation.keep import best, kept_count
from prunebench.evaluation.metrics import Metrics, per_seed
from prunebench.evaluation.prune import accuracies
from prunebench.networks import Networks, predictions
from prunebench.tasks.task import Task

THRESHOLD = 0.95


def merge(
    scores: Float[Tensor, "seeds neurons"], final: Networks, task: Task, fractions: Sequence[float]
) -> Metrics:
    """Keep the best neurons of the trained network and fold each dropped one into its nearest kept neuron.

    Nearest by the angle of the incoming weights, of equal orientation and with cosine >= 0.95; a dropped
    neuron that is parallel to no kept one is pruned (DESIGN 5).
    """
    metrics: Metrics = {}
    signs = theory.orientation(final, task) if fractions else None
    for fraction in fractions:
        kept = best(scores, kept_count(final.width, fraction))
        metrics |= accuracies(theory.fold(final, task, kept, THRESHOLD, signs), task, "merge", fraction)
    return metrics


def merge_groups(final: Networks, task: Task) -> Metrics:
    """Whole groups merged, with no scorer involved (paper, appendix G): how many, and what it costs.

    Groups are counted over all neurons and over those above 1 % of the largest norm: inert neurons that never
    turned dominate the plain count.
    """
    labels = theory.groups(final, task, threshold=THRESHOLD)
    merged = theory.merge(final, labels)
    one, other = predictions(final.logits(task.x_test)), predictions(merged.logits(task.x_test))
    every, relevant = theory.group_counts(final, labels)
    return {
        ("groups", "all"): per_seed(every),
        ("groups", "relevant"): per_seed(relevant),
        **accuracies(merged, task, "merged_groups"),
        ("same_prediction",): per_seed(torch.minimum(one, other).sum(dim=2).mean(dim=1)),
    }
