"""What units contribute, against hooks on the modules themselves."""

import pytest
import torch
from layered import KINDS, data, make
from torch import Tensor, nn

import prunebench as pb
from prunebench.networks.contribution import contributions


@torch.no_grad()
def by_hooks(module: nn.Module, layers: tuple[pb.networks.Layer, ...], x: Tensor) -> Tensor:
    """`std(h)|v|` of one module, channel by channel."""
    read = dict[str, Tensor]()
    for path, inside in module.named_modules():
        inside.register_forward_pre_hook(lambda _, given, path=path: read.update({path: given[0]}))
    module(x)
    found = []
    for layer in layers:
        for unit in range(layer.units):
            squares = 0.0
            for part in layer.of("outgoing"):
                own = slice(unit * part.repeat, (unit + 1) * part.repeat)
                path = part.tensor.removesuffix(".weight")
                weight = module.get_parameter(part.tensor)[:, own]
                squares += float(read[path][:, own].std(correction=0) * weight.norm()) ** 2
            found.append(squares**0.5)
    return torch.tensor(found, dtype=torch.float64)


@pytest.mark.parametrize("kind", KINDS)
def test_spread_of_what_is_read_times_the_weights_that_read_it(kind: str) -> None:
    networks, modules = make(kind)
    x, _ = data(150)  # more than are passed at once
    found = contributions(networks, x)
    for own, module in zip(found, modules, strict=True):
        expected = by_hooks(module.eval(), networks.layers, x.reshape(len(x), *networks.architecture.shape))
        torch.testing.assert_close(own, expected, rtol=1e-9, atol=1e-12)


class Words(nn.Module):
    """Layers along the last of three axes, of another kind than `nn.Linear` itself."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.output = nn.Linear(9, 8), Multiplied(8, 5), Multiplied(5, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.output(torch.relu(self.second(torch.relu(self.first(x)))).mean(dim=1))


class Multiplied(nn.Linear):
    def forward(self, x: Tensor) -> Tensor:
        return x @ self.weight.T + self.bias


class Named(Words):
    """What layers read is given to them by its name."""

    def forward(self, x: Tensor) -> Tensor:
        hidden = torch.relu(self.second(x=torch.relu(self.first(input=x))))
        return self.output(x=hidden.mean(dim=1))


@pytest.mark.parametrize("kind", [Words, Named])
def test_layers_along_the_last_axis(kind: type[Words]) -> None:
    module, x = kind().double(), torch.randn(40, 8, 9, dtype=torch.float64)  # 8 words, and 8 units
    networks = pb.from_module(module, x)
    hidden = torch.relu(module.first(x))
    first = hidden.flatten(0, 1).std(dim=0, correction=0) * module.second.weight.norm(dim=0)
    second = torch.relu(module.second(hidden)).mean(dim=1).std(dim=0, correction=0)
    expected = torch.cat([first, second * module.output.weight.norm(dim=0)])
    torch.testing.assert_close(contributions(networks, x)[0], expected.detach(), rtol=1e-9, atol=1e-12)


def test_positions_that_padding_repeats_count_once() -> None:
    around = nn.Conv2d(4, 5, 3, padding=1, padding_mode="circular")
    layers = (nn.Conv2d(1, 4, 3), nn.ReLU(), around, nn.ReLU(), nn.Flatten(), nn.Linear(80, 3))
    module, x = nn.Sequential(*layers).double(), torch.randn(9, 1, 6, 6, dtype=torch.float64)
    hidden = module[:2](x).transpose(0, 1).flatten(1)
    expected = hidden.std(dim=1, correction=0) * around.weight.transpose(0, 1).flatten(1).norm(dim=1)
    found = contributions(pb.from_module(module, x), x)[0, :4]
    torch.testing.assert_close(found, expected.detach(), rtol=1e-9, atol=1e-12)


def test_the_paper_s_network() -> None:
    generator = torch.Generator().manual_seed(0)
    w_in, bias, w_out, x = (
        torch.randn(shape, generator=generator, dtype=torch.float64)
        for shape in ((2, 5, 4), (2, 5), (2, 2, 5), (9, 4))
    )
    networks = pb.shallow_networks(w_in, bias, w_out)
    hidden = networks.pre_activations(x).relu()
    torch.testing.assert_close(
        contributions(networks, x), hidden.std(dim=1, correction=0) * w_out.norm(dim=1)
    )
