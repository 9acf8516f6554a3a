"""Gates, orientations, target vectors and the angle between a neuron and its target (paper, section 3.2)."""

import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from prunebench.cache import cached
from prunebench.counting import FORWARD, count
from prunebench.networks import Networks
from prunebench.tasks.task import Task


class EffectiveData(NamedTuple):
    """What each neuron gathers from its effective dataset, in float64.

    With `T+_i = sum_{s gated} y_s x_s`, not signed by the orientation:

    Attributes:
        orientation: `c_i`, +1, -1 or 0.
        angle: between `w_i` and `T_i = c_i T+_i`, in radians.
        projection: `w_i . T+_i`.
        length: `|T+_i|`.
    """

    orientation: Float[Tensor, "seeds neurons"]
    angle: Float[Tensor, "seeds neurons"]
    projection: Float[Tensor, "seeds neurons"]
    length: Float[Tensor, "seeds neurons"]


def effective_data(networks: Networks, task: Task) -> EffectiveData:
    """One network after the other: a (seeds, samples, neurons) tensor would not always fit in memory."""

    def compute() -> tuple[Tensor, ...]:
        rows = [
            (c, angle(w, c[:, None] * total), (w * total).sum(dim=1), torch.linalg.vector_norm(total, dim=1))
            for w, total, c in _effective_sums(networks, task)
        ]
        return tuple(torch.stack(part) for part in zip(*rows, strict=True))

    inputs = [networks.w_in, networks.bias, task.x_train, task.y_train]
    return EffectiveData(*cached("effective data", inputs, compute, passes=_sums(networks, task)))


def activations(networks: Networks, task: Task) -> Iterator[Float[Tensor, "samples neurons"]]:
    """`relu(w_i.x_s + b_i)` of the training samples in each network, in float64."""
    x = task.x_train.to(networks.device, torch.float64)
    for w_in, bias in zip(networks.w_in, networks.bias, strict=True):
        yield torch.relu(torch.addmm(bias.to(x), x, w_in.to(x).T))


def _effective_sums(networks: Networks, task: Task) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Of each network the incoming weights, `T+` of every neuron and its orientation, in float64."""
    x = task.x_train.to(networks.device, torch.float64)
    y = task.signs.to(x)
    for w_in, hidden in zip(networks.w_in, activations(networks, task), strict=True):
        yield w_in.to(x), ((hidden > 0).to(x) * y[:, None]).T @ x, torch.sign(y @ hidden)


def _sums(networks: Networks, task: Task) -> float:
    """What they take: a forward pass, and of a backward pass the product with the inputs alone."""
    return networks.seeds * task.samples * 2 * FORWARD


def gates(networks: Networks, task: Task) -> Bool[Tensor, "seeds samples neurons"]:
    """`g_i(s) = [w_i.x_s + b_i > 0]`: which training samples each neuron lets through."""
    count(networks.seeds * task.samples * FORWARD)
    return torch.stack([hidden > 0 for hidden in activations(networks, task)])


def orientation(networks: Networks, task: Task) -> Float[Tensor, "seeds neurons"]:
    """`c_i = sign(sum_s y_s relu(w_i.x_s + b_i))`.

    The class that the outgoing weights will turn to (+1: label 0), estimated from the current effective
    dataset (theorem B.1). A neuron that gates nothing turns to neither and has 0: given a class, it would be
    the one that happens to be called so.
    """
    return effective_data(networks, task).orientation.to(networks.dtype)


def target_vectors(networks: Networks, task: Task) -> Float[Tensor, "seeds neurons inputs"]:
    """`T_i = c_i sum_{s gated} y_s x_s` (definition 3.3), 0 for a neuron that gates nothing."""
    count(_sums(networks, task))
    rows = [(c[:, None] * total).to(networks.dtype) for _, total, c in _effective_sums(networks, task)]
    return torch.stack(rows)


def alignment_angle(networks: Networks, task: Task) -> Float[Tensor, "seeds neurons"]:
    """`dtheta_i`, the angle between w_i and T_i in radians, 0 to pi (section 5, "Computing the alignment").

    pi/2 for a neuron that gates nothing or whose w_i or T_i is 0.
    """
    return effective_data(networks, task).angle.to(networks.dtype)


def angle(a: Float[Tensor, "*batch inputs"], b: Float[Tensor, "*batch inputs"]) -> Float[Tensor, "*batch"]:
    """Between two vectors, in radians; pi/2 where one of them is 0.

    Kahan's formula: unlike the arc cosine it loses no digits near 0 and pi.
    """
    a_norm, b_norm = (torch.linalg.vector_norm(t, dim=-1, keepdim=True) for t in (a, b))
    defined = ((a_norm > 0) & (b_norm > 0)).squeeze(-1)
    a, b = a * b_norm, b * a_norm
    half = torch.atan2(torch.linalg.vector_norm(a - b, dim=-1), torch.linalg.vector_norm(a + b, dim=-1))
    return torch.where(defined, 2 * half, math.pi / 2)
