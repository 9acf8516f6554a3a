"""A transformer's block, in every way that PyTorch has to attend."""

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

import prunebench as pb

# Heads as wide as CUDA's kernels ask for.
HEADS, WIDTH, HIDDEN, POSITIONS = 2, 8, 6, 5
WAYS = ("kernel", "masked kernel", "module", "module with weights", "layer")
FORBIDDEN = torch.ones(POSITIONS, POSITIONS, dtype=torch.bool).triu(1)  # what comes later


class Block(nn.Module):
    """A transformer's block, causal, all of whose ways are the same function."""

    def __init__(self, way: str, outputs: int) -> None:
        super().__init__()
        self.way = way
        self.register_buffer("forbidden", FORBIDDEN)
        self.block = nn.TransformerEncoderLayer(WIDTH, HEADS, HIDDEN, dropout=0.0, batch_first=True)
        self.output = nn.Linear(WIDTH, outputs)
        self.forbidden: Tensor

    def forward(self, x: Tensor) -> Tensor:
        if self.way == "layer":
            return cast(Tensor, self.output(self.block(x, src_mask=self.forbidden).mean(dim=1)))
        x = self.block.norm1(x + self._attended(x))
        x = self.block.norm2(x + self.block.linear2(torch.relu(self.block.linear1(x))))
        return cast(Tensor, self.output(x.mean(dim=1)))

    def _attended(self, x: Tensor) -> Tensor:
        attention = self.block.self_attn
        if self.way.startswith("module"):
            weights = self.way == "module with weights"
            return cast(Tensor, attention(x, x, x, attn_mask=self.forbidden, need_weights=weights)[0])
        projected = nn.functional.linear(x, attention.in_proj_weight, attention.in_proj_bias)
        q, k, v = (one.unflatten(2, (HEADS, -1)).transpose(1, 2) for one in projected.chunk(3, dim=2))
        if self.way == "formula":
            scores = q @ k.mT / (WIDTH // HEADS) ** 0.5
            read = scores.masked_fill(self.forbidden, -torch.inf).softmax(dim=3) @ v
        elif self.way == "kernel":
            read = scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            read = scaled_dot_product_attention(q, k, v, ~self.forbidden)
        return cast(Tensor, attention.out_proj(read.transpose(1, 2).flatten(2)))


class Attends(pb.Network):
    name = "attends"
    way: str = "formula"

    def build(self, shape: tuple[int, ...], outputs: int) -> nn.Module:
        return Block(self.way, outputs)

    def layers(self, module: nn.Module, x: Tensor) -> tuple[pb.Layer, ...]:
        parts = (
            pb.Part("block.linear1.weight", 0, "incoming"),
            pb.Part("block.linear1.bias", 0, "bias"),
            pb.Part("block.linear2.weight", 1, "outgoing"),
        )
        return (pb.Layer("block.linear1", HIDDEN, parts),)
