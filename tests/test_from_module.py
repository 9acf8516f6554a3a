"""Any module as networks, and what makes modules as a network to train."""

import pickle
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import prunebench as pb
from prunebench.plugin.record import PluginRecord


def small() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 4, 3),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(64, 5),
        nn.ReLU(),
        nn.Linear(5, 2),
    )


def draw(samples: int = 6) -> torch.Tensor:
    return torch.randn((samples, 1, 6, 6), generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_there_and_back(dtype: torch.dtype) -> None:
    modules, x = [small().to(dtype).eval() for _ in range(2)], draw().to(dtype)
    networks = pb.from_module(*modules, x)
    assert [(layer.name, layer.units) for layer in networks.layers] == [("0", 4), ("4", 5)]
    assert networks.dtype == dtype
    for place, module in enumerate(modules):
        torch.testing.assert_close(networks.logits(x)[place], module(x))
        back = networks.to_module(place)
        assert torch.equal(back(x), networks.logits(x)[place])
        again = pb.from_module(back, x)
        for name, tensor in again.tensors.items():
            assert torch.equal(tensor[0], networks[name][place])
    kept = {layer.name: torch.zeros(2, 1, dtype=torch.int64) for layer in networks.layers}
    assert networks.keep(kept).to_module(0)[0].weight.shape[0] == 1


def test_the_module_is_left_alone() -> None:
    module = small()
    pb.from_module(module, draw(1))
    assert module.training
    assert int(module[1].num_batches_tracked) == 0
    assert all(parameter.device.type == "cpu" for parameter in module.parameters())


def test_others_are_refused() -> None:
    with pytest.raises(pb.RequestError, match="or samples beside the module"):
        pb.from_module(small())
    with pytest.raises(pb.RequestError, match="cannot take them"):
        pb.from_module(small(), torch.zeros(3, 5))
    with pytest.raises(pb.RequestError, match="random numbers of Dropout"):
        pb.from_module(nn.Sequential(small(), nn.Dropout()), draw())
    with pytest.raises(pb.RequestError, match="at least one"):
        pb.from_module(draw())


def hidden(activation: nn.Module, **norm: float) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(5, 4), nn.BatchNorm1d(4, **norm), activation, nn.Linear(4, 3))


@pytest.mark.parametrize("other", [hidden(nn.Tanh()), hidden(nn.ReLU(), eps=1.0), hidden(nn.LeakyReLU(0.2))])
def test_modules_that_compute_something_else_are_no_batch(other: nn.Module) -> None:
    """All are seen through the first one's forward pass, with their own tensors."""
    with pytest.raises(pb.RequestError, match=r"modules: got 'module 1 of Sequential'.*built alike"):
        pb.from_module(hidden(nn.ReLU()), other, torch.randn(2, 5))


def test_modules_of_one_batch_are_of_one_kind() -> None:
    frozen, x = hidden(nn.ReLU()), torch.randn(2, 5)
    frozen[0].weight.requires_grad_(False)
    with pytest.raises(pb.RequestError, match=r"modules 0\.weight: .*trained.*all frozen or none"):
        pb.from_module(hidden(nn.ReLU()), frozen, x)
    with pytest.raises(pb.RequestError, match=r"torch.float32 on cpu.*torch.float64 on cpu.*one dtype"):
        pb.from_module(hidden(nn.ReLU()), hidden(nn.ReLU()).double(), x)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (([hidden(nn.ReLU())], torch.zeros(2, 5)), "modules: got 'list'"),
        ((hidden(nn.ReLU()), np.zeros((2, 5))), "modules: got 'ndarray'; .*samples as a tensor"),
        (
            (small, torch.zeros(2, 5)),
            r"modules: got 'small'; .*: small\(...\) makes one, and pb.from_module\(small\) a pb.Network",
        ),
        ((nn.Linear, torch.zeros(2, 5)), r"modules: got 'Linear'; .*: Linear\(...\) makes one, and"),
        ((hidden(nn.ReLU()), torch.zeros(0, 5)), r"samples: got \(0, 5\); at least one"),
    ],
)
def test_what_is_no_module_or_no_sample_is_named(given: tuple[Any, ...], message: str) -> None:
    with pytest.raises(pb.RequestError, match=message):
        pb.from_module(*given)


@pytest.mark.parametrize("given", [nn.Linear, nn.Linear(2, 2), small, pb.from_module])
def test_a_recipe_says_how_what_makes_modules_is_a_network(given: Any) -> None:
    with pytest.raises(
        pb.RequestError, match=r"network: got .*, a pb.Network, or pb.from_module\(...\) of a"
    ):
        pb.Recipe(network=given)


def test_outputs_that_do_not_fit_are_no_matter_of_build() -> None:
    """A function has none."""
    x, y = draw(6), torch.arange(6) % 3
    recipe = pb.Recipe(network=pb.from_module(small), steps=2)
    with pytest.raises(
        pb.RequestError, match="small with 2 outputs'; 3 are needed, one for each class of the"
    ):
        pb.train(pb.Task(x, y, x, y), recipe, seeds=1, device="cpu")


def test_a_factory_without_a_hash_is_refused() -> None:
    class Factory:
        __hash__ = None  # type: ignore[assignment]  # as of a dataclass that is not frozen

        def __call__(self) -> nn.Module:
            return hidden(nn.ReLU())

    with pytest.raises(pb.RequestError, match=r"factory: got 'Factory'.*frozen=True"):
        pb.from_module(Factory())


def test_a_module_of_ones_own_takes_what_was_trained() -> None:
    """Batch normalisation counts its batches: their number is in a module's state, and in no network's."""
    module = small().eval()
    networks = pb.from_module(small(), draw())
    module.load_state_dict(networks.to_module(0).state_dict())
    torch.testing.assert_close(module(draw()), networks.logits(draw())[0])


def test_what_is_drawn_beside_the_tensors_is_refused() -> None:
    class Drawn(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.projection = torch.randn(5, 7)
            self.hidden, self.output = nn.Linear(7, 6), nn.Linear(6, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.output(torch.relu(self.hidden(torch.cos(x @ self.projection.to(x)))))

    class Kept(Drawn):
        def __init__(self) -> None:
            super().__init__()
            drawn = self.projection
            del self.projection
            self.register_buffer("projection", drawn)

    with pytest.raises(pb.RequestError, match=r"network: got 'module 0 of .*Drawn'.*register_buffer"):
        pb.initialise(pb.Recipe(network=pb.from_module(Drawn)), (5,), (0, 1), outputs=3)
    networks = pb.initialise(pb.Recipe(network=pb.from_module(Kept)), (5,), (0, 1), outputs=3)
    assert not torch.equal(*networks["projection"])


def test_a_layer_whose_name_would_be_two_is_refused() -> None:
    module = nn.Sequential()
    for name, inside in (("fc/1", nn.Linear(5, 4)), ("relu", nn.ReLU()), ("output", nn.Linear(4, 3))):
        module.add_module(name, inside)
    with pytest.raises(pb.RequestError, match=r"network: got 'layer fc/1'.*without a /"):
        pb.from_module(module, torch.zeros(2, 5))


def test_a_mask_of_infinities_is_no_divergence() -> None:
    class Masked(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.hidden, self.output = nn.Conv2d(1, 4, 3), nn.Linear(4, 3)
            self.register_buffer("mask", torch.zeros(16).index_fill_(0, torch.tensor([3, 8]), -torch.inf))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.output((torch.relu(self.hidden(x)).flatten(2) + self.mask).amax(dim=2))

    x, y = draw(12), torch.arange(12) % 3
    recipe = pb.Recipe(network=pb.from_module(Masked), batch_size=4, steps=6)
    final = pb.train(pb.Task(x, y, x, y, name="masked"), recipe, seeds=2, device="cpu").final
    assert final.finite().tolist() == [True, True]
    broken = dict(final.tensors) | {"output.bias": torch.tensor([[0.0, 1.0, torch.inf], [0.0, 0.0, 0.0]])}
    assert final.like(broken).finite().tolist() == [False, True]


def test_a_function_is_a_network() -> None:
    network = pb.from_module(small)
    assert isinstance(network, pb.Network)
    assert network == pb.from_module(small)
    assert pickle.loads(pickle.dumps(network)) == network
    x, y = draw(20), torch.arange(20) % 2
    recipe = pb.Recipe(network=network, steps=9, learning_rate=0.01)
    run = pb.train(pb.Task(x, y, x, y), recipe, seeds=(0, 1), device="cpu")
    assert run.final.units == 9
    assert recipe.network_spec.endswith("test_from_module.small")


CODE = "from torch import nn\n\ndef net():\n    return nn.Linear({}, 2)\n\nclass Net(nn.Linear):\n    pass\n"


def test_a_named_one_is_known_by_its_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    sources = []
    for name, size in (("made_one", 3), ("made_two", 4)):
        (tmp_path / f"{name}.py").write_text(CODE.format(size))
        module = __import__(name)
        sources += [PluginRecord.of(pb.from_module(what)).source for what in (module.net, module.Net)]
        assert PluginRecord.of(pb.from_module(module.net)).spec == f"{name}.net"
        del sys.modules[name]
    assert len(set(sources)) == 4


def test_others_are_each_another_one() -> None:
    one, other = (pb.from_module(lambda: small().eval()) for _ in range(2))
    assert PluginRecord.of(one).source != PluginRecord.of(other).source
    assert PluginRecord.of(one).source == PluginRecord.of(one).source
