"""Squared gradients of single samples: a product of squares where a network is made of products alone."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import linear

import prunebench as pb
from prunebench.networks.derivatives import Objective


class Twice(nn.Module):
    """One matrix multiplies two vectors of each sample; and with `lent`, its bias is a sum's, too."""

    def __init__(self, lent: bool) -> None:
        super().__init__()
        self.inner, self.output, self.lent = nn.Linear(4, 4), nn.Linear(4, 2), lent

    def forward(self, x: Tensor) -> Tensor:
        hidden = torch.relu(self.inner(x))
        hidden = hidden + self.inner.bias if self.lent else torch.relu(self.inner(hidden))
        return linear(hidden, self.output.weight, self.output.bias)


MODULES = {
    "mlp": (nn.Sequential(nn.Flatten(), nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 2)), True),
    "convolution": (nn.Sequential(nn.Unflatten(1, (1, 2, 2)), nn.Conv2d(1, 2, 2), nn.Flatten()), False),
    "positions": (nn.Sequential(nn.Unflatten(1, (2, 2)), nn.Linear(2, 1), nn.Flatten()), False),
    "twice": (Twice(lent=False), False),
    "lent": (Twice(lent=True), False),
}


@pytest.mark.parametrize("name", MODULES)
def test_squares_are_those_of_each_sample(name: str) -> None:
    module, of_products = MODULES[name]
    x, y = torch.randn(7, 4, generator=torch.Generator().manual_seed(0)).double(), torch.arange(7) % 2
    weights = {name: tensor.detach().double() for name, tensor in module.named_parameters()}
    objective = Objective(lambda: module, "cross_entropy")
    assert (objective._squares_of_products(weights, {}, x, y) is not None) == of_products
    found = objective.mean_squares(weights, {}, x, y)
    each = [objective.gradient(weights, {}, x[s : s + 1], y[s : s + 1]) for s in range(7)]
    for each_name, tensor in found.items():
        mean = torch.stack([one[each_name].square() for one in each]).mean(dim=0)
        torch.testing.assert_close(tensor, mean, rtol=1e-12, atol=1e-18)
        assert not tensor.requires_grad


def test_the_papers_network_is_made_of_products(monkeypatch: pytest.MonkeyPatch) -> None:
    networks = pb.initialise(pb.Recipe(width=6, init_std=0.5), 4, range(2)).to(dtype=torch.float64)
    x, y = torch.randn(9, 4).double(), torch.arange(9) % 2
    found = networks.fisher_diagonal(x, y)
    monkeypatch.setattr(Objective, "_squares_of_products", lambda *_: None)
    for name, squares in networks.fisher_diagonal(x, y).tensors.items():
        torch.testing.assert_close(found[name], squares, rtol=1e-12, atol=1e-18)
