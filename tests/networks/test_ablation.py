"""The loss without each unit, against a whole pass for each; and how little of the passes that takes."""

from typing import Any

import pytest
import torch
from layered import KINDS, data, make
from torch import Tensor, nn
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode

import prunebench as pb
from prunebench.networks import ablation
from prunebench.networks.ablation import ablations
from prunebench.networks.replay import Replay


def by_whole_passes(networks: pb.Networks, x: Tensor, y: Tensor) -> Tensor:
    """A pass through everything for each unit."""
    gates = 1 - torch.eye(networks.units, dtype=networks.dtype)
    losses = [networks.gated(row.expand(networks.seeds, -1)).loss(x, y) for row in gates]
    return torch.stack(losses, dim=1) - networks.loss(x, y)[:, None]


@pytest.mark.parametrize("kind", KINDS)
def test_how_much_the_loss_rises_without_each_unit(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    networks, _ = make(kind)
    x, y = data(150)
    expected = by_whole_passes(networks, x, y)
    assert expected.abs().max() > 1e-4
    torch.testing.assert_close(ablations(networks, x, y), expected, rtol=0, atol=1e-13)
    monkeypatch.setattr(ablation, "BYTES", 1)  # one sample at a time
    torch.testing.assert_close(ablations(networks, x[:9], y[:9]), by_whole_passes(networks, x[:9], y[:9]))


class InPlace(nn.Module):
    """What is kept of the first run is written over in the same run."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.output = nn.Linear(8, 6), nn.Linear(6, 6), nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        h = functional.relu_(self.first(x))
        shortcut = h
        h = self.second(h)
        shortcut += functional.relu(h)
        shortcut[:, 0] *= 2
        return self.output(shortcut.mul_(3))


def test_what_is_kept_stays_what_it_was() -> None:
    module, x = InPlace().double().eval(), torch.rand(5, 8, dtype=torch.float64)
    tensors = {name: tensor.detach() for name, tensor in module.named_parameters()}
    run = Replay(module, tensors, x)
    with torch.no_grad():
        for name in ("second.weight", "first.weight", "output.bias", "second.weight"):
            changed = {name: tensors[name] * 1.5}
            expected = torch.func.functional_call(module, tensors | changed, (x,))
            assert torch.equal(run.logits_with(changed), expected)
        assert torch.equal(run.logits_with({}), run.logits)
        assert torch.equal(run.logits, module(x))


class Counted(TorchDispatchMode):
    """How many products and convolutions are really computed."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.number = 0

    def __torch_dispatch__(self, function: Any, types: Any, arguments: Any = (), keywords: Any = None) -> Any:
        self.number += str(function).startswith(("aten.convolution", "aten.addmm", "aten.mm"))
        return function(*arguments, **(keywords or {}))


def test_only_what_comes_after_a_unit_is_computed() -> None:
    networks, _ = make("lenet")
    x, _ = data(20)
    tensors = {name: tensor[0] for name, tensor in networks.tensors.items()}
    with Counted() as whole:
        run = Replay(networks.architecture.own_module, tensors, networks.architecture.shaped(x))
    computed = []
    for layer in networks.layers:
        with Counted() as seen:
            run.logits_with({part.tensor: 2 * tensors[part.tensor] for part in layer.of("outgoing")})
        computed.append(seen.number)
    assert whole.number == len(networks.layers) + 1
    assert computed == list(range(len(networks.layers), 0, -1))


@pytest.mark.skipif(not hasattr(torch.backends.cudnn, "conv"), reason="settings of torch 2.9")
def test_it_is_computed_in_true_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def looked_at(one: pb.Networks, x: Tensor, y: Tensor) -> Tensor:
        seen.append(torch.backends.cudnn.conv.fp32_precision)
        return torch.zeros(one.units)

    monkeypatch.setattr(ablation, "_of_one", looked_at)
    networks, _ = make("lenet", seeds=1)
    ablations(networks, *data(5))
    assert seen == ["ieee"]
