"""Networks side by side on threads: the same numbers as one after another, in the caller's contexts."""

import contextvars
import threading
import time
from collections.abc import Callable, Iterator
from typing import ClassVar

import pytest
import torch
from torch import Tensor, nn

import prunebench as pb
from prunebench.device import torch_threads
from prunebench.networks.normalisation import recalibrated
from prunebench.threads import Threads, side_by_side


@pytest.fixture(autouse=True)
def _three_threads() -> Iterator[None]:
    with torch_threads(3):
        yield


WAYS: dict[str, Callable[[pb.Networks, Tensor, Tensor], dict[str, Tensor]]] = {
    "logits": lambda nets, x, y: {"": nets.logits(x)},
    "gradient": lambda nets, x, y: dict(
        nets.gradient(x, y, loss=lambda z, y: z.square().sum((1, 2))).tensors
    ),
    "product": lambda nets, x, y: dict(nets.hessian_vector_product(nets.trained, x, y).tensors),
    "fisher": lambda nets, x, y: dict(nets.fisher_diagonal(x, y).tensors),
    "gates": lambda nets, x, y: {"": nets.gate_gradients(x, y)},
    "recalibrated": lambda nets, x, y: dict(recalibrated(nets, x).tensors),
}


@pytest.mark.parametrize("way", WAYS)
def test_networks_are_the_same_as_one_after_another(way: str) -> None:
    """A module that several threads put their weights into would mix them up."""
    recipe = pb.Recipe(network=pb.load_network("vgg[width=0.05]"))
    networks = pb.initialise(recipe, (1, 16, 16), range(7), outputs=3)
    draw = torch.Generator().manual_seed(0)
    x, y = torch.randn(9, 1, 16, 16, generator=draw), torch.arange(9) % 3
    found = WAYS[way](networks, x, y)
    alone = Threads(most=1).each(lambda s: WAYS[way](networks.select(s), x, y), 7)
    for name, tensor in found.items():
        assert torch.equal(tensor, torch.cat([one[name] for one in alone]))


class Noting(nn.Module):
    """Says on which threads it was run."""

    threads: ClassVar[set[int]] = set()

    def __init__(self) -> None:
        super().__init__()
        self.hidden, self.output = nn.Linear(4, 5), nn.Linear(5, 3)

    def forward(self, x: Tensor) -> Tensor:
        """Notes the thread."""
        self.threads.add(threading.get_ident())
        time.sleep(0.005)  # or one of the threads might be through with all
        return self.output(self.hidden(x.flatten(1)).relu())


@pytest.mark.parametrize("way", ["gradient", "product"])
def test_samples_of_one_network_are_shared_out_and_sums_are_the_same_to_the_bit(
    way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_WAIT_POLICY", "PASSIVE")  # as where prunebench is imported before torch
    monkeypatch.setattr("prunebench.cache.BYTES", -1)  # compute it again
    networks = pb.initialise(pb.Recipe(network=pb.from_module(Noting)), (1, 2, 2), [0], outputs=3)
    ways: dict[str, Callable[[Tensor, Tensor], pb.Networks]] = {
        "gradient": networks.gradient,
        "product": lambda x, y: networks.hessian_vector_product(networks.trained, x, y),
    }
    x, y = torch.randn(500, 4, generator=torch.Generator().manual_seed(0)), torch.arange(500) % 3
    Noting.threads.clear()
    found = ways[way](x, y)
    assert len(Noting.threads - {threading.get_ident()}) > 1
    Noting.threads.clear()
    (alone,) = Threads(most=1).each(lambda _: ways[way](x, y), 1)
    assert len(Noting.threads) == 1
    assert all(torch.equal(tensor, alone[name]) for name, tensor in found.tensors.items())


def test_contexts_and_modes_are_the_callers() -> None:
    name = contextvars.ContextVar("name", default="nobody's")
    name.set("the caller's")

    def work(number: int) -> tuple[str, bool, bool]:
        return name.get(), torch.is_grad_enabled(), threading.current_thread() is threading.main_thread()

    assert list(side_by_side(work, 4)) == [("the caller's", True, False)] * 4
    with torch.no_grad():
        assert list(side_by_side(work, 4)) == [("the caller's", False, False)] * 4


def test_a_thread_has_no_threads_of_its_own_and_under_a_transform_there_are_none() -> None:
    def where(number: int) -> int:
        return threading.get_ident()

    inner = Threads().each(lambda _: list(side_by_side(where, 5)), 2)
    assert [len(set(idents)) for idents in inner] == [1, 1]
    here: list[int] = []

    def transformed(z: Tensor) -> Tensor:
        here.extend(side_by_side(where, 3))
        return z

    torch.func.grad(transformed)(torch.ones(()))
    assert here == [threading.get_ident()] * 3


def test_results_come_in_order_and_an_error_in_its_place() -> None:
    results = Threads(most=2).map(lambda number: 6 // number, (3, 2, 0, 1))
    assert [next(results), next(results)] == [2, 3]
    with pytest.raises(ZeroDivisionError):
        next(results)
