import math

import pytest
import torch

import prunebench as pb
from prunebench.theory import growth_rate, race

ROOT = math.sqrt(0.5)


def aligned(task: pb.Task, neurons: int, scale: float, seed: int = 0) -> pb.Networks:
    """Networks whose outgoing weights lie along (1,-1), as after the first steps."""
    draw = torch.Generator().manual_seed(seed)
    w_in = scale * torch.randn(2, neurons, task.inputs, generator=draw, dtype=torch.float64)
    a = scale * torch.randn(2, neurons, generator=draw, dtype=torch.float64)
    return pb.shallow_networks(
        w_in, torch.zeros(2, neurons, dtype=torch.float64), torch.stack([a, -a], dim=1) * ROOT
    )


def test_starts_where_the_networks_are(task: pb.Task) -> None:
    nets = aligned(task, 5, 0.1)
    torch.testing.assert_close(race(nets, task, 0.01, [0.0])[0], nets.norms())


def test_slope_at_the_start_is_the_gradients(task: pb.Task) -> None:
    """`du/dt = |v| d|w|/dt + |w| d|v|/dt` of the whole network's full-batch gradient flow."""
    nets, rate, step = aligned(task, 6, 0.5), 0.01, 1e-4
    gradient = nets.gradient(task.x_train, task.y_train)
    unit = nets.w_in / nets.norms("incoming")[:, :, None]
    direction = nets.w_out / nets.norms("outgoing")[:, None]
    w_speed, v_speed = -(gradient.w_in * unit).sum(dim=2), -(gradient.w_out * direction).sum(dim=1)
    expected = rate * (nets.norms("outgoing") * w_speed + nets.norms("incoming") * v_speed)
    measured = (race(nets, task, rate, [step])[0] - nets.norms()) / step
    torch.testing.assert_close(measured, expected, rtol=1e-4, atol=1e-9)


def test_on_the_plateau_it_is_the_asinh_law(task: pb.Task) -> None:
    nets, rate = aligned(task, 12, 1e-6), 0.01
    path = race(nets, task, rate, [0.0, 50.0])
    half = pb.theory.conserved(nets).abs() / 2
    grown = torch.asinh(path[1] / half) - torch.asinh(path[0] / half)
    rates = growth_rate(nets, task, rate)
    rising = rates > 0  # the others pass through 0, which a norm does not show
    assert int(rising.sum()) > 6
    torch.testing.assert_close(grown[rising], 2 * 50 * rates[rising], rtol=1e-4, atol=1e-9)


def test_a_neuron_against_its_class_passes_through_zero_and_grows(task: pb.Task) -> None:
    nets, rate = aligned(task, 12, 1e-3), 0.05
    path = race(nets, task, rate, [float(t) for t in range(0, 401, 4)])
    falling = growth_rate(nets, task, rate) < 0
    lowest = (path.min(dim=0).values / path[0])[falling]
    assert float(lowest.min()) < 0.1
    assert bool((path[-1] > path[0])[falling].any())


def test_the_better_aligned_wins_and_inhibits_the_other(task: pb.Task) -> None:
    """Two neurons of a group, equal norms: the leader's rise lowers the shared error and holds the other."""
    target = (task.signs[:, None] * task.x_train).sum(dim=0).double()
    target = target / target.norm()
    side = torch.linalg.qr(torch.cat([target[:, None], torch.eye(7, dtype=torch.float64)], dim=1))[0][:, 1]
    w_in = 1e-3 * torch.stack([target, 0.9 * target + math.sqrt(0.19) * side])[None]
    w_out = 1e-3 * ROOT * torch.tensor([[[1.0, 1.0], [-1.0, -1.0]]], dtype=torch.float64)
    nets = pb.shallow_networks(w_in, torch.zeros(1, 2, dtype=torch.float64), w_out)
    times = [0.0, 500.0, 2000.0, 5000.0]
    together = race(nets, task, 0.02, times)[:, 0]
    alone = race(nets, task, 0.02, times, members=torch.tensor([[False, True]]))[:, 0]
    assert bool((together[1:, 0] > together[1:, 1]).all())
    assert bool((alone[:, 0] == 0).all())
    assert float(together[-1, 1]) < 0.9 * float(alone[-1, 1])


def test_smaller_steps_change_nothing(task: pb.Task) -> None:
    nets = aligned(task, 6, 0.2)
    coarse, fine = (race(nets, task, 0.02, [200.0], max_growth=g) for g in (0.02, 0.005))
    torch.testing.assert_close(coarse, fine, rtol=1e-6, atol=1e-9)


def test_dead_and_silent_neurons_stay(networks: pb.Networks, task: pb.Task) -> None:
    path = race(networks, task, 1e-3, [0.0, 10.0])
    assert bool(path.isfinite().all())
    torch.testing.assert_close(path[1][:, [3, 5]], path[0][:, [3, 5]])


@pytest.mark.parametrize("times", [[], [-1.0], [2.0, 1.0]])
def test_times_must_rise(networks: pb.Networks, task: pb.Task, times: list[float]) -> None:
    with pytest.raises(pb.RequestError, match="times"):
        race(networks, task, 1e-3, times)
