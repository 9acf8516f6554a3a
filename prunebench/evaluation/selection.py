"""Which units a score keeps; they are numbered through all layers."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from prunebench.evaluation.fractions import kept_count
from prunebench.networks import Layer


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
    every = torch.arange(scores.shape[1], device=scores.device)
    of_layers = zip(every.split(list(layers)), scores.split(list(layers), dim=1), strict=True)
    kept = [numbers[top_k(own, kept_count(own.shape[1], share))] for numbers, own in of_layers]
    return torch.cat(kept, dim=1)


def best_of_all(
    scores: Float[Tensor, "choices units"], layers: Sequence[int], share: float
) -> Int64[Tensor, "choices kept"]:
    """As many units by one threshold over all layers; the best unit of each layer is kept whatever it has."""
    scores = scores.clone()
    for own in scores.split(list(layers), dim=1):
        own.scatter_(1, top_k(own, 1), torch.inf)
    return top_k(scores, sum(kept_count(units, share) for units in layers))


def shuffled_within_layers(
    scores: Float[Tensor, "choices units"], layers: Sequence[int], draw: np.random.Generator
) -> Float[Tensor, "choices units"]:
    """The scores permuted within each layer, all choices alike: what is left says how much of each layer."""
    numbers = torch.arange(scores.shape[1]).split(list(layers))
    order = torch.cat([own[torch.from_numpy(draw.permutation(len(own)))] for own in numbers])
    return scores[:, order.to(scores.device)]


def first_of_layers(layers: Sequence[Layer], share: float) -> dict[str, Int64[Tensor, "1 own"]]:
    """The first units of each layer, as many as are kept of a share, as `Networks.keep` takes them."""
    return {layer.name: torch.arange(kept_count(layer.units, share))[None] for layer in layers}


def by_layer(kept: Int64[Tensor, " kept"], layers: Sequence[Layer]) -> dict[str, Int64[Tensor, "1 own"]]:
    """One choice of units, in ascending order, as `Networks.keep` takes it."""
    sizes = [layer.units for layer in layers]
    chosen = torch.zeros(sum(sizes), dtype=torch.bool, device=kept.device)
    chosen[kept] = True
    return {layer.name: own.nonzero().T for layer, own in zip(layers, chosen.split(sizes), strict=True)}
