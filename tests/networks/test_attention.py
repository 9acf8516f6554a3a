"""Attention, however it is computed, has the derivatives of its formula."""

import copy
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from attending import HEADS, POSITIONS, WAYS, WIDTH, Attends
from torch import nn
from torch.nn.functional import scaled_dot_product_attention
from torch.utils._python_dispatch import TorchDispatchMode

import prunebench as pb
from prunebench.networks.attention import PlainAttention
from prunebench.networks.build import build
from prunebench.training.engines.together import _of_all

X = torch.randn(7, POSITIONS, WIDTH, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
Y = torch.arange(7) % 3


def networks(way: str) -> pb.Networks:
    return build(Attends(way=way), (POSITIONS, WIDTH), 3, (0, 1)).to(dtype=torch.float64)


def assert_equal(found: pb.Networks, expected: pb.Networks) -> None:
    torch.testing.assert_close(dict(found.tensors), dict(expected.tensors))


@pytest.mark.parametrize("way", WAYS)
def test_derivatives_are_those_of_the_formula(way: str) -> None:
    found, expected = networks(way), networks("formula")
    gradient = expected.gradient(X, Y)
    assert_equal(found.gradient(X, Y), gradient)
    products = [nets.hessian_vector_product(gradient, X, Y) for nets in (found, expected)]
    assert_equal(*products)
    assert_equal(found.fisher_diagonal(X, Y), expected.fisher_diagonal(X, Y))
    torch.testing.assert_close(found.gate_gradients(X, Y), expected.gate_gradients(X, Y))


class Seen(TorchDispatchMode):
    """The operations that run."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def __torch_dispatch__(self, function, types, arguments=(), keywords=None):
        self.names.add(str(function))
        return function(*arguments, **keywords or {})


@pytest.mark.parametrize("way", WAYS)
def test_several_networks_train_without_fused_kernels(way: str) -> None:
    """Which CUDA's give no gradient under `vmap`."""
    nets = networks(way)
    module = copy.deepcopy(nets.architecture.module).train()
    x, y = torch.stack([X, X.flip(0)]), torch.stack([Y, Y.flip(0)])
    with Seen() as seen:
        found = _of_all(module, nets)(x, y)
    assert not any("attention" in name for name in seen.names)
    for name, gradient in zip(nets.architecture.trainable, found, strict=True):
        torch.testing.assert_close(gradient, nets.gradient(X, Y)[name])


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
