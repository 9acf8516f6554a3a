"""The growth law against the gradient itself, and against gradient flow integrated in small steps."""

import math

import numpy as np
import pytest
import torch

import prunebench as pb


def plateau(width=6, inputs=8, samples=20, scale=1e-6, seed=3):
    """Networks so small that p = 1/2 to rounding, without biases."""
    torch.manual_seed(seed)
    x, y = torch.randn(samples, inputs), torch.arange(samples) % 2
    task = pb.Task(x, y, x, y)
    networks = pb.shallow_networks(
        scale * torch.randn(2, width, inputs, dtype=torch.float64),
        torch.zeros(2, width, dtype=torch.float64),
        scale * torch.randn(2, 2, width, dtype=torch.float64),
    )
    return networks, task


def flow(networks, task, rate, steps):
    """Gradient flow by Euler's method, biases held at 0."""
    for _ in range(steps):
        g = networks.gradient(task.x_train, task.y_train)
        networks = pb.shallow_networks(
            networks.w_in - rate * g.w_in, networks.bias, networks.w_out - rate * g.w_out
        )
    return networks


def test_rate_is_the_logarithmic_growth_that_the_gradient_gives():
    """d|w|/dt = -w.g/|w|, so d(|w||v|)/dt over sqrt(C^2 + 4u^2) is R."""
    networks, task = plateau()
    rate = 0.01
    g = networks.gradient(task.x_train, task.y_train)
    w, v = networks.norms("incoming"), networks.norms("outgoing")
    dw = -rate * (networks.w_in * g.w_in).sum(dim=2) / w
    dv = -rate * (networks.w_out * g.w_out).sum(dim=1) / v
    u, c = w * v, pb.theory.conserved(networks)
    measured = (dw * v + w * dv) / torch.sqrt(c**2 + 4 * u**2)
    torch.testing.assert_close(pb.theory.growth_rate(networks, task, rate), measured, rtol=1e-9, atol=1e-15)


def test_rate_in_the_words_of_the_definition():
    networks, task = plateau()
    angle, c = pb.theory.alignment_angle(networks, task), pb.theory.orientation(networks, task)
    length = torch.linalg.vector_norm(pb.theory.target_vectors(networks, task), dim=2)
    u = torch.tensor([1.0, -1.0], dtype=torch.float64) / math.sqrt(2)
    cos_psi = c * torch.einsum("scd,c->sd", networks.w_out, u) / networks.norms("outgoing")
    expected = 0.5 * length * torch.cos(angle) * cos_psi / (math.sqrt(2) * task.samples)
    torch.testing.assert_close(pb.theory.growth_rate(networks, task, 0.5), expected, rtol=1e-9, atol=1e-15)


def test_asinh_law_and_conservation_along_the_flow():
    networks, task = plateau()
    rate, every, times = 0.02, 4, 30
    seen = [networks]
    for _ in range(times):
        seen.append(flow(seen[-1], task, rate, every))
    drift = (pb.theory.conserved(seen[-1]) - pb.theory.conserved(seen[0])).abs()
    assert float((drift / seen[0].norms("incoming").square()).max()) < 0.01
    rates = torch.stack([pb.theory.growth_rate(n, task, rate) for n in seen])
    predicted = pb.theory.predicted_asinh_growth(rates, range(0, every * times + 1, every))
    measured = pb.theory.asinh_growth(seen[0], seen[-1])
    assert float(measured.abs().max()) > 0.5
    torch.testing.assert_close(predicted, measured, rtol=0.02, atol=0.01)


def test_asinh_growth_is_the_difference_of_asinh():
    before, _ = plateau()
    after = pb.shallow_networks(before.w_in * 3, before.bias, before.w_out * 2)
    c = pb.theory.conserved(before).abs()
    expected = torch.asinh(2 * after.norms() / c) - torch.asinh(2 * before.norms() / c)
    torch.testing.assert_close(pb.theory.asinh_growth(before, after), expected)


def test_balanced_and_empty_neurons_have_a_finite_growth():
    w_in = torch.tensor([[[3.0, 4.0], [0.0, 0.0], [1.0, 0.0]]])
    w_out = torch.tensor([[[3.0, 0.0, 0.0], [4.0, 0.0, 0.0]]])
    before = pb.shallow_networks(w_in, torch.zeros(1, 3), w_out)
    after = pb.shallow_networks(2 * w_in, torch.zeros(1, 3), w_out)
    assert float(pb.theory.conserved(before)[0, 0]) == 0
    assert pb.theory.asinh_growth(before, after).tolist() == [[pytest.approx(math.log(2)), 0.0, 0.0]]


def test_dead_neurons_do_not_grow():
    networks, task = plateau()
    networks.bias[:, 1] = -100.0
    networks.w_out[:, :, 2] = 0.0
    networks.w_in[:, 3] = 0.0
    assert not pb.theory.growth_rate(networks, task, 0.1)[:, 1:4].any()
    amplitude, sign = pb.theory.growing_mode(networks, task)
    assert torch.isfinite(amplitude).all()
    assert torch.isfinite(sign).all()
    assert not amplitude[:, 1].any()


def test_growing_mode_against_a_loop():
    networks, task = plateau(scale=1.0)
    amplitude, sign = pb.theory.growing_mode(networks, task)
    for s in range(networks.seeds):
        for i in range(networks.units):
            w = networks.w_in[s, i].numpy()
            total = np.zeros(len(w))
            for x, label in zip(task.x_train.double().numpy(), task.y_train.tolist(), strict=True):
                if w @ x > 0:
                    total += x if label == 0 else -x
            a = float(networks.w_out[s, 0, i] - networks.w_out[s, 1, i]) / math.sqrt(2)
            mode = a + w @ total / np.linalg.norm(total)
            assert float(amplitude[s, i]) == pytest.approx(abs(mode) * np.linalg.norm(total), rel=1e-9)
            assert float(sign[s, i]) == np.sign(mode)


def test_growing_mode_predicts_the_sign_that_the_flow_ends_with():
    """In its cell `a + q` grows whatever `a - q` was, so the mode decides, not the outgoing weight's sign."""
    networks, task = plateau(width=40)
    _, sign = pb.theory.growing_mode(networks, task)
    end = flow(networks, task, 0.1, 120)
    final = torch.sign(end.w_out[:, 0] - end.w_out[:, 1])
    start = torch.sign(networks.w_out[:, 0] - networks.w_out[:, 1])
    agreement = float((sign == final).double().mean())
    assert agreement > 0.9
    assert agreement > float((start == final).double().mean()) + 0.05


def test_two_outputs_are_needed():
    networks, task = plateau()
    wide = pb.shallow_networks(
        networks.w_in, networks.bias, torch.cat([networks.w_out, networks.w_out], dim=1)
    )
    with pytest.raises(pb.RequestError, match="two outputs"):
        pb.theory.growing_mode(wide, task)
    with pytest.raises(pb.RequestError, match="two outputs"):
        pb.theory.growth_rate(wide, task, 0.1)


def test_rates_and_steps_must_match():
    with pytest.raises(pb.RequestError, match="steps"):
        pb.theory.predicted_asinh_growth(torch.zeros(3, 1, 2), [0, 1])
