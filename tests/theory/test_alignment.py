"""Gates, orientations, target vectors and angles against loops that follow the definitions."""

import math

import numpy as np
import pytest
import torch

import prunebench as pb
from prunebench.theory.alignment import angle


def random_problem(seed=0, seeds=2, width=9, inputs=5, samples=14, dead=(3,), dtype=torch.float32):
    """Unbalanced data, networks with biases, and neurons that gate nothing."""
    draw = np.random.default_rng(seed)
    x = draw.standard_normal((samples, inputs))
    y = np.arange(samples) % 3 == 0
    task = pb.Task(x, y.astype(int), x[:4], y[:4].astype(int))
    parts = [draw.standard_normal(s) for s in ((seeds, width, inputs), (seeds, width), (seeds, 2, width))]
    for neuron in dead:
        parts[1][:, neuron] = -100
    return pb.shallow_networks(*(torch.from_numpy(p).to(dtype) for p in parts)), task


def literal(networks, task, s, i):
    """Orientation, target vector and alignment angle of one neuron, sample by sample."""
    w, b = networks.w_in[s, i].double().numpy(), float(networks.bias[s, i])
    total, target = 0.0, np.zeros(len(w))
    for x, label in zip(task.x_train.double().numpy(), task.y_train.tolist(), strict=True):
        y = 1 if label == 0 else -1
        if w @ x + b > 0:
            total += y * (w @ x + b)
            target += y * x
    c = np.sign(total)
    target = c * target
    if not target.any():
        return c, target, math.pi / 2
    cosine = w @ target / np.linalg.norm(w) / np.linalg.norm(target)
    return c, target, math.acos(cosine)


def test_definitions_against_a_loop():
    networks, task = random_problem()
    c = pb.theory.orientation(networks, task)
    targets = pb.theory.target_vectors(networks, task)
    angles = pb.theory.alignment_angle(networks, task)
    for s in range(networks.seeds):
        for i in range(networks.units):
            sign, target, angle = literal(networks, task, s, i)
            assert c[s, i] == sign
            np.testing.assert_allclose(targets[s, i].numpy(), target, rtol=1e-5, atol=1e-6)
            assert float(angles[s, i]) == pytest.approx(angle, rel=1e-5)


def test_gates_are_where_the_network_is_active():
    networks, task = random_problem()
    assert torch.equal(pb.theory.gates(networks, task), networks.pre_activations(task.x_train) > 0)


def test_a_neuron_that_gates_nothing_is_at_a_right_angle_to_no_target():
    networks, task = random_problem(dead=(0, 4))
    for dead in (0, 4):
        assert not pb.theory.target_vectors(networks, task)[:, dead].any()
        assert torch.equal(pb.theory.alignment_angle(networks, task)[:, dead], torch.full((2,), math.pi / 2))
        assert not pb.theory.orientation(networks, task)[:, dead].any()


def test_a_neuron_without_weights_is_at_a_right_angle():
    networks, task = random_problem()
    networks.w_in[:, 2], networks.bias[:, 2] = 0.0, 1.0
    assert torch.equal(pb.theory.alignment_angle(networks, task)[:, 2], torch.full((2,), math.pi / 2))


@pytest.mark.parametrize("small", [1e-3, 1e-8, 1e-12, 0.0])
def test_angles_near_0_and_pi_keep_their_digits(small):
    """The arc cosine of a float64 gives 0 for every angle below 1e-8."""
    a = torch.tensor([[1.0, 0.0]], dtype=torch.float64) * 1e-5
    b = torch.tensor([[math.cos(small), math.sin(small)]], dtype=torch.float64) * 300
    assert float(angle(a, b)) == pytest.approx(small, rel=1e-6, abs=1e-300)
    assert float(math.pi - angle(a, -b)) == pytest.approx(small, rel=1e-6, abs=5e-16)


def test_angle_does_not_depend_on_the_scale_of_the_weights():
    networks, task = random_problem()
    networks = pb.shallow_networks(networks.w_in, 0 * networks.bias, networks.w_out)
    tiny = pb.shallow_networks(networks.w_in * 2.0**-30, networks.bias, networks.w_out)
    assert torch.equal(pb.theory.alignment_angle(networks, task), pb.theory.alignment_angle(tiny, task))


def test_networks_of_a_batch_do_not_see_each_other():
    networks, task = random_problem(seeds=3)
    for function in (pb.theory.orientation, pb.theory.target_vectors, pb.theory.alignment_angle):
        whole = function(networks, task)
        for s in range(3):
            assert torch.equal(whole[s], function(networks.select(s), task)[0])
