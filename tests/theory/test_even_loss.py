"""The definitions for any network are the paper's closed forms on the paper's network (docs/theory.md)."""

import pytest
import torch

import prunebench as pb


def drawn(scale: float, classes: int = 2) -> tuple[pb.Networks, pb.Task]:
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(30, 7, generator=draw, dtype=torch.float64)
    y = torch.arange(30) % classes
    w_in = scale * torch.randn(3, 12, 7, generator=draw, dtype=torch.float64)
    w_out = scale * torch.randn(3, classes, 12, generator=draw, dtype=torch.float64)
    networks = pb.shallow_networks(w_in, torch.zeros(3, 12, dtype=torch.float64), w_out)
    return networks, pb.Task(x.float(), y, x.float(), y)


@pytest.mark.parametrize("scale", [1e-5, 1e-2, 1.0])
def test_growing_mode_is_the_closed_form_over_n(scale: float) -> None:
    networks, task = drawn(scale)
    x, y = task.x_train.double(), task.y_train
    g = networks.gradient(x, y, loss="even")
    g = g.like({**g.tensors, "bias": torch.zeros_like(g.bias)})  # biases are held, as in the closed form
    h = networks.hessian_vector_product(g, x, y, loss="even")
    sums = {
        name: one.map(torch.mul, other).unit_sums("incoming", "outgoing")
        for name, one, other in (("gg", g, g), ("hh", h, h), ("gh", g, h))
    }
    sigma = (sums["hh"] / sums["gg"]).sqrt()
    found = (sums["hh"] / sigma**2 + sums["gg"] - 2 * sums["gh"] / sigma).sqrt()
    amplitude, _ = pb.theory.growing_mode(networks, task)
    torch.testing.assert_close(found, amplitude / task.samples, rtol=1e-6, atol=1e-12 * scale)


@pytest.mark.parametrize("scale", [1e-5, 1e-2, 1.0])
def test_alignment_is_the_angle_to_the_target(scale: float) -> None:
    networks, task = drawn(scale)
    gradient = networks.gradient(task.x_train.double(), task.y_train, loss="even")
    cosine = torch.nn.functional.cosine_similarity(networks.w_in, gradient.w_in, dim=2, eps=1e-300).abs()
    torch.testing.assert_close(
        torch.arccos(cosine), pb.theory.alignment_angle(networks, task), rtol=1e-9, atol=0
    )


@pytest.mark.parametrize("classes", [2, 4])
def test_even_loss_is_the_limit_of_cross_entropy_at_high_temperature(classes: int) -> None:
    networks, task = drawn(1.0, classes)
    x, y = task.x_train.double(), task.y_train
    even, hot = networks.gradient(x, y, loss="even"), networks.gradient(x, y, temperature=1e7)
    for name, tensor in even.tensors.items():
        torch.testing.assert_close(1e7 * hot[name], tensor, rtol=1e-4, atol=1e-6)
