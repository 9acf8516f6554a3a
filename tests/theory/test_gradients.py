import pytest
import torch
from torch import Tensor

import prunebench as pb
from prunebench.theory import PolarGradient, polar_gradient, polar_speed


@pytest.fixture
def wide(networks: pb.Networks) -> pb.Networks:
    return networks.to(dtype=torch.float64)


def angles(vectors: Tensor) -> Tensor:
    """`x_1 = r cos t_1, x_2 = r sin t_1 cos t_2, ..., x_D = r sin t_1 ... sin t_D-1`; the last has a sign."""
    rest = [vectors[..., k:].norm(dim=-1) for k in range(1, vectors.shape[-1] - 1)]
    return torch.atan2(torch.stack([*rest, vectors[..., -1]], dim=-1), vectors[..., :-1])


def from_angles(radius: Tensor, theta: Tensor) -> Tensor:
    one = torch.ones_like(theta[..., :1])
    sines = torch.cat([one, torch.cumprod(torch.sin(theta), dim=-1)], dim=-1)
    return radius[..., None] * sines * torch.cat([torch.cos(theta), one], dim=-1)


def autograd(nets: pb.Networks, task: pb.Task) -> PolarGradient:
    """`-dL/d.` by autograd through the polar coordinates themselves."""
    theta, phi = angles(nets.w_in), torch.atan2(nets.w_out[:, 1], nets.w_out[:, 0])
    parts = [
        t.clone().requires_grad_()
        for t in (nets.norms("outgoing"), phi, theta, nets.norms("incoming"), nets.bias)
    ]
    v_norm, phi, theta, w_norm, bias = parts
    w_in = from_angles(w_norm, theta)
    torch.testing.assert_close(w_in, nets.w_in)
    w_out = torch.stack([v_norm * torch.cos(phi), v_norm * torch.sin(phi)], dim=1)
    pb.shallow_networks(w_in, bias, w_out).loss(task.x_train, task.y_train).sum().backward()
    return PolarGradient(*(-t.grad for t in parts))


@pytest.mark.parametrize("field", PolarGradient._fields)
def test_equals_autograd(wide: pb.Networks, task: pb.Task, field: str) -> None:
    ours, theirs = (getattr(form(wide, task), field) for form in (polar_gradient, autograd))
    live = torch.ones(wide.units, dtype=torch.bool)
    live[3] = False  # w = v = 0 has no direction
    assert float(theirs[:, live].abs().max()) > 1e-3
    torch.testing.assert_close(ours[:, live], theirs[:, live], rtol=1e-5, atol=1e-9)


def test_equals_autograd_in_float32_at_the_papers_scale(task: pb.Task) -> None:
    nets = pb.initialise(pb.Recipe(width=20), task.inputs, range(3))
    exact = autograd(nets.to(dtype=torch.float64), task)
    for ours, theirs in zip(polar_gradient(nets, task), exact, strict=True):
        torch.testing.assert_close(ours.double(), theirs, rtol=1e-5, atol=1e-5 * float(theirs.abs().max()))


def test_one_input_has_a_length_and_no_angle() -> None:
    x, y = torch.tensor([[-2.0], [-1.0], [1.0], [3.0]]), torch.tensor([0, 1, 0, 1])
    task = pb.Task(x, y, x, y)
    nets = pb.initialise(pb.Recipe(width=5, init_std=0.5), 1, range(2)).to(dtype=torch.float64)
    ours, speed = polar_gradient(nets, task), polar_speed(nets, task)
    w_in = nets.w_in.clone().requires_grad_()
    pb.shallow_networks(w_in, nets.bias, nets.w_out).loss(task.x_train, task.y_train).sum().backward()
    assert w_in.grad is not None
    torch.testing.assert_close(ours.incoming_norm, -(w_in.grad * nets.w_in.sign()).squeeze(2))
    assert ours.incoming_angles.shape == (2, 5, 0)
    torch.testing.assert_close(speed.incoming_direction, torch.zeros(2, 5, dtype=torch.float64))


def test_dead_and_silent_neurons_have_no_gradient(networks: pb.Networks, task: pb.Task) -> None:
    for field in polar_gradient(networks, task):
        assert bool(field.isfinite().all())
        assert bool((field[:, [3, 5]] == 0).all())
    for field in polar_speed(networks, task):
        assert bool((field[:, [3, 5]] == 0).all())


def test_speed_is_the_cartesian_gradient_split_along_and_across(wide: pb.Networks, task: pb.Task) -> None:
    gradient, speed = wide.gradient(task.x_train, task.y_train), polar_speed(wide, task)
    unit = wide.w_in / wide.norms("incoming").clamp(min=1e-300)[:, :, None]
    radial = -(gradient.w_in * unit).sum(dim=2)
    torch.testing.assert_close(speed.incoming_norm, radial)
    across = torch.linalg.vector_norm(-gradient.w_in - radial[:, :, None] * unit, dim=2)
    torch.testing.assert_close(speed.incoming_direction * wide.norms("incoming"), across)
    total = speed.outgoing_norm**2 + (speed.outgoing_direction * wide.norms("outgoing")) ** 2
    torch.testing.assert_close(total, (gradient.w_out**2).sum(dim=1))


def test_a_small_flow_step_turns_the_weights_as_fast_as_it_says(wide: pb.Networks, task: pb.Task) -> None:
    step, gradient, speed = 1e-7, wide.gradient(task.x_train, task.y_train), polar_speed(wide, task)
    after = pb.shallow_networks(
        *(w - step * g for w, g in zip(wide.tensors.values(), gradient.tensors.values(), strict=True))
    )
    live = [i for i in range(wide.units) if i not in (3, 5)]
    cosine = torch.nn.functional.cosine_similarity(wide.w_in, after.w_in, dim=2)[:, live]
    turned = torch.sqrt(2 * (1 - cosine).clamp(min=0)) / step
    assert float((turned - speed.incoming_direction[:, live]).abs().max()) < 0.2
    phi = [torch.atan2(n.w_out[:, 1], n.w_out[:, 0])[:, live] for n in (wide, after)]
    torch.testing.assert_close(
        (phi[1] - phi[0]) / step, speed.outgoing_direction[:, live], rtol=1e-4, atol=1e-6
    )


def test_needs_two_outputs(networks: pb.Networks, task: pb.Task) -> None:
    three = pb.shallow_networks(networks.w_in, networks.bias, networks.w_out[:, [0, 1, 1]])
    with pytest.raises(pb.RequestError, match="two outputs"):
        polar_gradient(three, task)
