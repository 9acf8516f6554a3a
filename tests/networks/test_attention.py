"""Attention, however it is computed, has the derivatives of its formula."""

from concurrent.futures import ThreadPoolExecutor
from typing import cast

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

import prunebench as pb
from prunebench.networks.attention import PlainAttention
from prunebench.networks.build import build

HEADS, WIDTH, HIDDEN, POSITIONS = 2, 4, 6, 5
X = torch.randn(7, POSITIONS, WIDTH, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
Y = torch.arange(7) % 3
FORBIDDEN = torch.ones(POSITIONS, POSITIONS, dtype=torch.bool).triu(1)  # what comes later


class Block(nn.Module):
    """A transformer's block, causal, all of whose ways are the same function."""

    def __init__(self, way: str, outputs: int) -> None:
        super().__init__()
        self.way = way
        self.block = nn.TransformerEncoderLayer(WIDTH, HEADS, HIDDEN, dropout=0.0, batch_first=True)
        self.output = nn.Linear(WIDTH, outputs)

    def forward(self, x: Tensor) -> Tensor:
        if self.way == "layer":
            return cast(Tensor, self.output(self.block(x, src_mask=FORBIDDEN).mean(dim=1)))
        x = self.block.norm1(x + self._attended(x))
        x = self.block.norm2(x + self.block.linear2(torch.relu(self.block.linear1(x))))
        return cast(Tensor, self.output(x.mean(dim=1)))

    def _attended(self, x: Tensor) -> Tensor:
        attention = self.block.self_attn
        if self.way.startswith("module"):
            weights = self.way == "module with weights"
            return cast(Tensor, attention(x, x, x, attn_mask=FORBIDDEN, need_weights=weights)[0])
        projected = nn.functional.linear(x, attention.in_proj_weight, attention.in_proj_bias)
        q, k, v = (one.unflatten(2, (HEADS, -1)).transpose(1, 2) for one in projected.chunk(3, dim=2))
        if self.way == "formula":
            scores = q @ k.mT / (WIDTH // HEADS) ** 0.5
            read = scores.masked_fill(FORBIDDEN, -torch.inf).softmax(dim=3) @ v
        elif self.way == "kernel":
            read = scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            read = scaled_dot_product_attention(q, k, v, ~FORBIDDEN)
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


def networks(way: str) -> pb.Networks:
    return build(Attends(way=way), (POSITIONS, WIDTH), 3, (0, 1)).to(dtype=torch.float64)


def assert_equal(found: pb.Networks, expected: pb.Networks) -> None:
    torch.testing.assert_close(dict(found.tensors), dict(expected.tensors))


@pytest.mark.parametrize("way", ["kernel", "masked kernel", "module", "module with weights", "layer"])
def test_derivatives_are_those_of_the_formula(way: str) -> None:
    found, expected = networks(way), networks("formula")
    gradient = expected.gradient(X, Y)
    assert_equal(found.gradient(X, Y), gradient)
    products = [nets.hessian_vector_product(gradient, X, Y) for nets in (found, expected)]
    assert_equal(*products)
    assert_equal(found.fisher_diagonal(X, Y), expected.fisher_diagonal(X, Y))
    torch.testing.assert_close(found.gate_gradients(X, Y), expected.gate_gradients(X, Y))


@pytest.mark.parametrize("weights", [False, True])
def test_it_is_the_modules_own_where_a_position_may_look_at_nothing(weights: bool) -> None:
    """The first one, which PyTorch gives 0, or NaN where weights are wanted, too."""
    attention = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True).double()
    mask = torch.ones(POSITIONS, POSITIONS, dtype=torch.bool).triu(0)
    expected, _ = attention(X, X, X, attn_mask=mask, need_weights=weights)
    with PlainAttention():
        found, given = attention(X, X, X, attn_mask=mask, need_weights=weights)
    torch.testing.assert_close(found, expected, equal_nan=True)
    assert found.isfinite().all() != weights
    assert (given is not None) == weights


def test_only_attention_is_computed_otherwise() -> None:
    assert networks("kernel").architecture.attends
    assert networks("layer").architecture.attends
    assert not networks("formula").architecture.attends


def test_other_threads_keep_their_kernels() -> None:
    q = torch.randn(1, HEADS, POSITIONS, WIDTH, requires_grad=True)

    def kernel() -> str:
        grad_fn = scaled_dot_product_attention(q, q, q).grad_fn
        assert grad_fn is not None
        return grad_fn.name()

    usual = kernel()
    with PlainAttention(), ThreadPoolExecutor(1) as other:
        assert kernel() != usual
        assert other.submit(kernel).result() == usual
    assert kernel() == usual
