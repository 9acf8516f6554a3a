"""Target vectors to the next order: rotated by the second moments of the effective dataset (appendix C.3)."""

import torch
from jaxtyping import Float
from torch import Tensor

from prunebench.errors import RequestError
from prunebench.networks import Networks
from prunebench.tasks.task import Task
from prunebench.theory.alignment import gates, orientation


def second_order_targets(
    networks: Networks, task: Task, ridge: float = 1.0
) -> Float[Tensor, "seeds neurons inputs"]:
    """`c (M + ridge m I)^-1 sum_{s gated} y_s x_s`, with `M = sum_{s gated} x_s x_s^T` (eqs. 63-68).

    To first order in the logits the error of a gated sample is `y_s/2 - f_s/4`, so the direction in which a
    group stops turning solves least squares on its effective dataset: the zeroth-order target
    (definition 3.3) rotated by the inverse second moments. They have no inverse where a neuron gates fewer
    samples than there are inputs, and training stops short of the steady state: `ridge`, in units of the
    mean eigenvalue `m = sum_{s gated} |x_s|^2 / N_gated` of the samples' Gram matrix, covers both. A large
    ridge gives the zeroth-order direction back; 0, and one that rounding swallows, gives the solution of
    smallest norm.

    A neuron that gates nothing has the target 0. Raises `RequestError` for a ridge below 0.
    """
    if not ridge >= 0:
        raise RequestError("ridge", ridge, "a number from 0 up is needed")
    x = task.x_train.to(networks.device, torch.float64)
    y = task.signs.to(x)
    gram = x @ x.T
    rows = [
        [sign * _solve(gram, x, y, gate, ridge) for sign, gate in zip(signs, gated.T, strict=True)]
        for signs, gated in zip(orientation(networks, task), gates(networks, task), strict=True)
    ]
    return torch.stack([torch.stack(row) for row in rows]).to(networks.dtype)


def _solve(
    gram: Float[Tensor, "samples samples"],
    x: Float[Tensor, "samples inputs"],
    y: Float[Tensor, " samples"],
    gate: Tensor,
    ridge: float,
) -> Float[Tensor, " inputs"]:
    """Through the Gram matrix of the gated samples: `(X^T X + r I)^-1 X^T y = X^T (X X^T + r I)^-1 y`."""
    gated = torch.nonzero(gate).squeeze(1)
    if len(gated) == 0:
        return x.new_zeros(x.shape[1])
    part, labels = gram[gated][:, gated], y[gated]
    part.diagonal().add_(ridge * part.diagonal().mean())
    factor, failed = torch.linalg.cholesky_ex(part)
    if ridge == 0 or bool(failed):
        weights = torch.linalg.pinv(part, hermitian=True) @ labels
    else:
        weights = torch.cholesky_solve(labels[:, None], factor).squeeze(1)
    return weights @ x[gated]
