"""`allconv` keeps the contract, and has the paper's layers."""

import pytest
from prunebench_allconv import AllConv

import prunebench as pb
from prunebench.testing import NetworkConformance


class TestWide(NetworkConformance):
    network = AllConv()


class TestNarrow(NetworkConformance):
    network = AllConv(width=4)


def test_layers() -> None:
    recipe = pb.Recipe(network=AllConv(width=4))
    networks = pb.initialise(recipe, (3, 32, 32), seeds=range(2), outputs=10)
    found = [(layer.name, layer.units) for layer in networks.layers]
    assert found == [("conv1_1", 4), ("conv1_2", 4), ("conv2_1", 8), ("conv2_2", 8)]


@pytest.mark.parametrize(("width", "shape"), [(4, (30,)), (1, (3, 32, 32))])
def test_what_it_cannot_take(width: int, shape: tuple[int, ...]) -> None:
    with pytest.raises(pb.RequestError, match="needed"):
        AllConv(width=width).build(shape, 10)


def test_entry_point() -> None:
    assert pb.load_network("allconv[width=4]") == AllConv(width=4)
