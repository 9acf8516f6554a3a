"""Attention that can be differentiated as often as scorers need it."""

from types import FunctionType
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import multi_head_attention_forward, scaled_dot_product_attention
from torch.overrides import TorchFunctionMode


class PlainAttention(TorchFunctionMode):
    """Meanwhile attention is products and a softmax, whose derivatives have derivatives, on this thread.

    PyTorch's kernels have no second ones, and what its modules take in evaluation instead of their parts (the
    fast path) has none; modules leave that themselves where a mode such as this one is at work. PyTorch's own
    switches, `sdpa_kernel` and `set_fastpath_enabled`, are the whole process's: networks that are computed
    on other threads meanwhile would be others now and then, to rounding.

    Attributes:
        met: whether there was any attention.
    """

    def __init__(self) -> None:
        super().__init__()
        self.met = False

    def __torch_function__(
        self,
        function: Any,
        types: Any,
        arguments: tuple[Any, ...] = (),
        keywords: dict[str, Any] | None = None,
    ) -> Any:
        """Call it, or what stands for it."""
        keywords = keywords or {}
        if function is scaled_dot_product_attention:
            self.met = True
            return _attended(*arguments, **keywords)
        if function is multi_head_attention_forward:
            self.met = True
            return _attending(*arguments, **keywords)
        return function(*arguments, **keywords)


def _attended(
    query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None = None, *more: Any, **named: Any
) -> Tensor:
    """What `scaled_dot_product_attention` gives for the same arguments."""
    if attn_mask is not None and attn_mask.dtype == torch.bool:  # True where it may look; to be added here
        attn_mask = torch.zeros_like(attn_mask, dtype=query.dtype).masked_fill(~attn_mask, -torch.inf)
    return torch._scaled_dot_product_attention_math(query, key, value, attn_mask, *more, **named)[0]


# No mode sees what runs inside of it: PyTorch's own code, with the other attention in it.
_attending = FunctionType(
    multi_head_attention_forward.__code__,
    {**multi_head_attention_forward.__globals__, "scaled_dot_product_attention": _attended},
    multi_head_attention_forward.__name__,
    multi_head_attention_forward.__defaults__,
    multi_head_attention_forward.__closure__,
)
