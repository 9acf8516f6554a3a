"""Tensors of many networks: which neurons have the best scores, and values as numbers for statistics."""

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor


def best(scores: Float[Tensor, "seeds neurons"], k: int) -> Int64[Tensor, "seeds kept"]:
    """The k neurons of the highest score, in ascending order of number. Ties go to the lower number.

    Neurons are exchangeable at initialisation, so their numbers are a fair and reproducible tie-break.
    """
    order = torch.sort(scores, dim=1, descending=True, stable=True).indices
    return order[:, :k].sort(dim=1).values


def per_seed(values: Tensor) -> Float[np.ndarray, " seeds"]:
    """A tensor of one number per network, as float64 numpy."""
    return values.detach().cpu().double().numpy()
