"""Any module as networks, and what makes modules as a network to train."""

import pickle
import sys
from pathlib import Path

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
