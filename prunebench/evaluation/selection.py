"""Which units a score keeps; they are numbered through all layers."""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from prunebench.evaluation.fractions import kept_count


def top_k(scores: Float[Tensor, "seeds neurons"], k: int) -> Int64[Tensor, "seeds kept"]:
    """The k neurons of the highest score, in ascending order of number. Ties go to the lower number.

    Neurons are exchangeable at initialisation, so their numbers are a fair and reproducible tie-break.
    """
    order = torch.sort(scores, dim=1, descending=True, stable=True).indices
    return order[:, :k].sort(dim=1).values


def best_of_layers(
    scores: Float[Tensor, "choices units"], layers: Sequence[int], share: float
) -> Int64[Tensor, "choices kept"]:
    """The units with the highest scores of each layer: the same share of all, in layers of so many units."""
    first, kept = 0, []
    for units, own in zip(layers, scores.split(list(layers), dim=1), strict=True):
        kept.append(first + top_k(own, kept_count(units, share)))
        first += units
    return kept[0] if len(kept) == 1 else torch.cat(kept, dim=1)


def best_of_all(
    scores: Float[Tensor, "choices units"], layers: Sequence[int], share: float
) -> Int64[Tensor, "choices kept"]:
    """As many units by one threshold over all layers; the best unit of each layer is kept whatever it has."""
    scores = scores.clone()
    for own in scores.split(list(layers), dim=1):
        own.scatter_(1, top_k(own, 1), torch.inf)
    return top_k(scores, sum(kept_count(units, share) for units in layers))
