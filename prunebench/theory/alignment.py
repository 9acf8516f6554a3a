"""Gates, orientations, target vectors and the angle between a neuron and its target (paper, section 3.2)."""

import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from prunebench.networks import Networks
from prunebench.tasks.task import Task


class EffectiveSums(NamedTuple):
    """What each neuron of one network gathers from its effective dataset, in float64.

    Attributes:
        weights: incoming weights w_i.
        signed_sum: `T+_i = sum_{s gated} y_s x_s`, not signed by the orientation.
        orientation: `c_i`, +1, -1 or 0.
    """

    weights: Float[Tensor, "neurons inputs"]
    signed_sum: Float[Tensor, "neurons inputs"]
    orientation: Float[Tensor, " neurons"]


def effective_sums(networks: Networks, task: Task) -> Iterator[EffectiveSums]:
    """One network after the other: a (seeds, samples, neurons) tensor would not always fit in memory."""
    x = task.x_train.to(networks.device, torch.float64)
    y = task.signs.to(x)
    for w_in, bias in zip(networks.w_in, networks.bias, strict=True):
        weights = w_in.to(x)
        hidden = torch.relu(torch.addmm(bias.to(x), x, weights.T))
        signed_sum = ((hidden > 0).to(x) * y[:, None]).T @ x
        yield EffectiveSums(weights, signed_sum, _orientation(hidden, y))


def gates(networks: Networks, task: Task) -> Bool[Tensor, "seeds samples neurons"]:
    """`g_i(s) = [w_i.x_s + b_i > 0]`: which training samples each neuron lets through."""
    x = task.x_train.to(networks.device, torch.float64)
    return torch.stack(
        [
            torch.addmm(bias.to(x), x, w_in.to(x).T) > 0
            for w_in, bias in zip(networks.w_in, networks.bias, strict=True)
        ]
    )


def orientation(networks: Networks, task: Task) -> Float[Tensor, "seeds neurons"]:
    """`c_i = sign(sum_s y_s relu(w_i.x_s + b_i))`.

    The class that the outgoing weights will turn to (+1: label 0), estimated from the current effective
    dataset (theorem B.1). A neuron that gates nothing turns to neither and has 0: given a class, it would be
    the one that happens to be called so.
    """
    x = task.x_train.to(networks.device, torch.float64)
    y = task.signs.to(x)
    rows = [
        _orientation(torch.relu(torch.addmm(bias.to(x), x, w_in.to(x).T)), y)
        for w_in, bias in zip(networks.w_in, networks.bias, strict=True)
    ]
    return torch.stack(rows).to(networks.dtype)


def target_vectors(networks: Networks, task: Task) -> Float[Tensor, "seeds neurons inputs"]:
    """`T_i = c_i sum_{s gated} y_s x_s` (definition 3.3), 0 for a neuron that gates nothing."""
    rows = [
        (sums.orientation[:, None] * sums.signed_sum).to(networks.dtype)
        for sums in effective_sums(networks, task)
    ]
    return torch.stack(rows)


def alignment_angle(networks: Networks, task: Task) -> Float[Tensor, "seeds neurons"]:
    """`dtheta_i`, the angle between w_i and T_i in radians, 0 to pi (section 5, "Computing the alignment").

    pi/2 for a neuron that gates nothing or whose w_i or T_i is 0.
    """
    rows = [
        _angle(sums.weights, sums.orientation[:, None] * sums.signed_sum)
        for sums in effective_sums(networks, task)
    ]
    return torch.stack(rows).to(networks.dtype)


def _orientation(
    hidden: Float[Tensor, "samples neurons"], y: Float[Tensor, " samples"]
) -> Float[Tensor, " neurons"]:
    return torch.sign(y @ hidden)


def _angle(
    a: Float[Tensor, "neurons inputs"], b: Float[Tensor, "neurons inputs"]
) -> Float[Tensor, " neurons"]:
    """Kahan's formula: unlike the arc cosine it loses no digits near 0 and pi."""
    a_norm, b_norm = (torch.linalg.vector_norm(t, dim=1, keepdim=True) for t in (a, b))
    defined = ((a_norm > 0) & (b_norm > 0)).squeeze(1)
    a, b = a * b_norm, b * a_norm
    angle = 2 * torch.atan2(torch.linalg.vector_norm(a - b, dim=1), torch.linalg.vector_norm(a + b, dim=1))
    return torch.where(defined, angle, math.pi / 2)
