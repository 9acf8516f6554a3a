"""Numbers compared bit by bit, in which NaN equals itself, and 0 is not -0."""

import torch
from torch import Tensor

# Whole numbers of so many bytes.
_WHOLE = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}


def same_bits(x: Tensor, y: Tensor) -> bool:
    """Whether two tensors, wherever they are, have one type, one shape and the same bits."""
    return x.dtype == y.dtype and torch.equal(_whole(x), _whole(y))


def _whole(x: Tensor) -> Tensor:
    real = torch.view_as_real(x.resolve_conj()) if x.is_complex() else x
    return real.resolve_neg().cpu().view(_WHOLE[real.element_size()])
