"""Filters that are channels last: where a module takes them, and what they change."""

from dataclasses import dataclass
from typing import Literal

import pytest
import torch
from torch import Tensor, nn

import prunebench as pb
from prunebench.networks.architecture import Architecture
from prunebench.networks.build import architecture, build
from prunebench.networks.memory_format import channels_last

SHAPE = (2, 8, 8)


class Images(nn.Module):
    """Two convolutions, whose channels become a vector by `view`, as tutorials write it, or by `flatten`."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how = how
        self.first, self.second = nn.Conv2d(2, 4, 3), nn.Conv2d(4, 6, 3)
        self.output = nn.Linear(96, 3)

    def forward(self, x: Tensor) -> Tensor:
        h = torch.relu(self.second(torch.relu(self.first(x))))
        return self.output(h.view(len(h), -1) if self.how == "view" else h.flatten(1))


@dataclass(frozen=True)
class ImageNetwork(pb.Network):
    name = "images"
    how: Literal["view", "flatten"] = "view"

    def build(self, shape: tuple[int, ...], outputs: int) -> nn.Module:
        return Images(self.how)


def made(how: Literal["view", "flatten"]) -> Architecture:
    return architecture(ImageNetwork(how), SHAPE, 3)


@pytest.fixture(scope="module")
def task() -> pb.Task:
    draw = torch.Generator().manual_seed(0)
    x, y = torch.randn((60, *SHAPE), generator=draw), torch.arange(60) % 3
    return pb.Task(x[:40], y[:40], x[40:], y[40:], name="images")


def test_it_is_asked_of_the_module() -> None:
    assert made("flatten").channels_last
    assert not made("view").channels_last
    assert not architecture(pb.load_network("mlp"), SHAPE, 3).channels_last
    assert architecture(pb.load_network("resnet[depth=8,width=0.25]"), SHAPE, 3).channels_last


def test_only_the_order_of_memory_changes() -> None:
    networks = build(ImageNetwork("flatten"), SHAPE, 3, (1, 2))
    last = channels_last(networks)
    assert last["second.weight"].stride() != networks["second.weight"].stride()
    assert last["second.weight"][0].is_contiguous(memory_format=torch.channels_last)
    for name, tensor in networks.tensors.items():
        assert torch.equal(last[name], tensor)
        assert last.clone()[name].is_contiguous()
    assert channels_last(last)["second.weight"].stride() == last["second.weight"].stride()
    other = build(ImageNetwork("view"), SHAPE, 3, (1, 2))
    assert channels_last(other) is other


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_training_is_that_of_the_module(
    task: pb.Task, optimizer: Literal["sgd", "adam"], masked: bool
) -> None:
    """With `view` filters are in their own order, with `flatten` they are not: the networks are the same."""
    states = []
    for how in ("view", "flatten"):
        recipe = pb.Recipe(
            network=ImageNetwork(how), optimizer=optimizer, learning_rate=0.01, batch_size=7, steps=9
        )
        masks = None
        if masked:
            masks = pb.initialise(recipe, SHAPE, (3,), outputs=3).full_masks()
            masks["second.weight"][:, 1::2, :, ::2] = False
        run = pb.train(task, recipe, seeds=(3,), dtype=torch.float64, masks=masks, device="cpu")
        assert masks is None or not run.final["second.weight"][~masks["second.weight"]].any()
        states.append(run.final)
    for name, tensor in states[0].tensors.items():
        assert states[1][name].is_contiguous()
        torch.testing.assert_close(states[1][name], tensor, rtol=1e-11, atol=1e-12)


def test_a_board_of_a_network_that_views(task: pb.Task) -> None:
    """Pruned and trained again, its convolutions keep to the order that `view` needs."""
    results = [
        pb.run_benchmark(
            task,
            pb.Recipe(network=ImageNetwork(how), learning_rate=0.05, batch_size=8, steps=20),
            ["magnitude", "snip"],
            at_steps=(4,),
            protocols=["rank", "prune_final", "prune_early"],
            seeds=2,
        )
        for how in ("view", "flatten")
    ]
    view, flatten = (result.to_dataframe() for result in results)
    assert list(view.metric) == list(flatten.metric)
    assert view.value.to_numpy() == pytest.approx(flatten.value.to_numpy(), abs=0.06, nan_ok=True)
