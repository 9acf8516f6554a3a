"""Which neurons a score keeps."""

import torch
from jaxtyping import Float, Int64
from torch import Tensor


def top_k(scores: Float[Tensor, "seeds neurons"], k: int) -> Int64[Tensor, "seeds kept"]:
    """The k neurons of the highest score, in ascending order of number. Ties go to the lower number.

    Neurons are exchangeable at initialisation, so their numbers are a fair and reproducible tie-break.
    """
    order = torch.sort(scores, dim=1, descending=True, stable=True).indices
    return order[:, :k].sort(dim=1).values
